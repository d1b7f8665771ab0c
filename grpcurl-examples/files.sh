#!/bin/sh
# Every RPC of the file service, on port 8023. What a command prints is the comment right below it; … stands for
# what differs from run to run. A refusal ends grpcurl with 64 + its code; `|| true` lets the script go on.
set -eu

# ---- What is there: by reflection, without a .proto file ----

grpcurl -plaintext localhost:8023 grpc.health.v1.Health/Check
# {
#   "status": "SERVING"
# }

grpcurl -plaintext localhost:8023 list
# chatflow.files.v1.FilesService
# grpc.health.v1.Health

grpcurl -plaintext localhost:8023 list chatflow.files.v1.FilesService
# chatflow.files.v1.FilesService.Download
# chatflow.files.v1.FilesService.GetFile
# chatflow.files.v1.FilesService.ListFiles
# chatflow.files.v1.FilesService.Upload

grpcurl -plaintext localhost:8023 describe chatflow.files.v1.FilesService.Upload
# chatflow.files.v1.FilesService.Upload is a method:
# // Stores a file: the first message is `start`, all others are `chunk`s. The file exists only once the answer is
# // sent: an upload that breaks off leaves nothing. RESOURCE_EXHAUSTED past the size limit.
# rpc Upload ( stream .chatflow.files.v1.UploadRequest ) returns ( .chatflow.files.v1.File );

grpcurl -plaintext localhost:8023 describe chatflow.files.v1.UploadRequest
# chatflow.files.v1.UploadRequest is a message:
# // One piece of an upload.
# message UploadRequest {
#   // What it is.
#   oneof part {
#     // First, once.
#     .chatflow.files.v1.UploadStart start = 1;
#     // Then any number of these, each up to 1 MiB.
#     bytes chunk = 2;
#   }
# }

# ---- Upload: a stream of messages, one JSON document each, on standard input ----

# "Hello " and "world\n" in base64. Of the name, folders are cut off; the type is told from the bytes.
printf '%s\n' '{"start":{"original_name":"notes/hello.txt","room_id":"examples","user_id":"bot"}}' '{"chunk":"SGVsbG8g"}' '{"chunk":"d29ybGQK"}' | grpcurl -plaintext -d @ localhost:8023 chatflow.files.v1.FilesService/Upload
# {
#   "id": "01a2…",
#   "originalName": "hello.txt",
#   "contentType": "text/plain",
#   "sizeBytes": "12",
#   "roomId": "examples",
#   "userId": "bot",
#   "createdAt": "2026-11-23T…Z",
#   "sha256": "1894a19c85ba153acbf743ac4e43fc004c891604b26f8c69e1e83ea2afc7c48f"
# }

# What is short can be written behind -d, too.
grpcurl -plaintext -d '{"start":{"original_name":"hello.txt","room_id":"No Room","user_id":"bot"}} {"chunk":"SGVsbG8g"}' localhost:8023 chatflow.files.v1.FilesService/Upload || true
# ERROR:
#   Code: InvalidArgument
#   Message: room_id: must match [a-z0-9][a-z0-9._-]{0,63}
#   Details:
#   1) {"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"field":"room_id","description":"must match [a-z0-9][a-z0-9._-]{0,63}"}]}

# Bytes that no start came before.
grpcurl -plaintext -d '{"chunk":"SGVsbG8g"}' localhost:8023 chatflow.files.v1.FilesService/Upload || true
# ERROR:
#   Code: InvalidArgument
#   Message: start: must come before the first chunk
#   Details:
#   1) {"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"field":"start","description":"must come before the first chunk"}]}

# ---- What is there ----

# Newest first.
grpcurl -plaintext -d '{"room_id":"examples","limit":1}' localhost:8023 chatflow.files.v1.FilesService/ListFiles
# {
#   "files": [
#     {
#       "id": "01a2…",
#       "originalName": "hello.txt",
#       "contentType": "text/plain",
#       "sizeBytes": "12",
#       "roomId": "examples",
#       "userId": "bot",
#       "createdAt": "2026-11-23T…Z",
#       "sha256": "1894a19c85ba153acbf743ac4e43fc004c891604b26f8c69e1e83ea2afc7c48f"
#     }
#   ]
# }

grpcurl -plaintext -d '{"room_id":"examples","limit":201}' localhost:8023 chatflow.files.v1.FilesService/ListFiles || true
# ERROR:
#   Code: InvalidArgument
#   Message: limit: must be 1 to 200, is 201
#   Details:
#   1) {"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"field":"limit","description":"must be 1 to 200, is 201"}]}

# The id of the newest, to be used below.
ID=$(grpcurl -plaintext -d '{"room_id":"examples","limit":1}' localhost:8023 chatflow.files.v1.FilesService/ListFiles | sed -n 's/^ *"id": "\(.*\)",$/\1/p')

grpcurl -plaintext -d '{"file_id":"'"$ID"'"}' localhost:8023 chatflow.files.v1.FilesService/GetFile
# {
#   "id": "01a2…",
#   "originalName": "hello.txt",
#   "contentType": "text/plain",
#   "sizeBytes": "12",
#   "roomId": "examples",
#   "userId": "bot",
#   "createdAt": "2026-11-23T…Z",
#   "sha256": "1894a19c85ba153acbf743ac4e43fc004c891604b26f8c69e1e83ea2afc7c48f"
# }

grpcurl -plaintext -d '{"file_id":"01900000-0000-7000-8000-000000000000"}' localhost:8023 chatflow.files.v1.FilesService/GetFile || true
# ERROR:
#   Code: NotFound
#   Message: there is no such file

grpcurl -plaintext -d '{"file_id":"../secret"}' localhost:8023 chatflow.files.v1.FilesService/GetFile || true
# ERROR:
#   Code: InvalidArgument
#   Message: file_id: must be a UUID
#   Details:
#   1) {"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"field":"file_id","description":"must be a UUID"}]}

# ---- Download: what the file is, then its bytes, one JSON document each ----

grpcurl -plaintext -d '{"file_id":"'"$ID"'"}' localhost:8023 chatflow.files.v1.FilesService/Download
# {
#   "start": {
#     "file": {
#       "id": "01a2…",
#       "originalName": "hello.txt",
#       …
#     },
#     "length": "12"
#   }
# }
# {
#   "chunk": "SGVsbG8gd29ybGQK"
# }

# A part of it, and the bytes alone.
grpcurl -plaintext -d '{"file_id":"'"$ID"'","offset":6,"length":6}' localhost:8023 chatflow.files.v1.FilesService/Download | sed -n 's/^  "chunk": "\(.*\)"$/\1/p' | base64 -d
# world

grpcurl -plaintext -d '{"file_id":"'"$ID"'","offset":12}' localhost:8023 chatflow.files.v1.FilesService/Download || true
# ERROR:
#   Code: OutOfRange
#   Message: the range starts past the end: the file has 12 bytes

grpcurl -plaintext -d '{"file_id":"01900000-0000-7000-8000-000000000000"}' localhost:8023 chatflow.files.v1.FilesService/Download || true
# ERROR:
#   Code: NotFound
#   Message: there is no such file

# ---- A file of any size: here 150,000 zeroes, uploaded in two chunks and downloaded in three ----

{ echo '{"start":{"original_name":"zeroes","room_id":"examples","user_id":"bot"}}'; dd if=/dev/zero bs=1000 count=150 2>/dev/null | base64 | tr -d '\n' | fold -w 100000 | sed 's/.*/{"chunk":"&"}/'; } | grpcurl -plaintext -d @ localhost:8023 chatflow.files.v1.FilesService/Upload
# {
#   "id": "01a2…",
#   "originalName": "zeroes",
#   "contentType": "application/octet-stream",
#   "sizeBytes": "150000",
#   "roomId": "examples",
#   "userId": "bot",
#   "createdAt": "2026-11-23T…Z",
#   "sha256": "dd3df6b01f055a24175224d8bd5cc6f2e9b5b29e7c027a1b137cdda762aee179"
# }

BIG=$(grpcurl -plaintext -d '{"room_id":"examples","limit":1}' localhost:8023 chatflow.files.v1.FilesService/ListFiles | sed -n 's/^ *"id": "\(.*\)",$/\1/p')

# Each chunk is base64 of its own.
grpcurl -plaintext -d '{"file_id":"'"$BIG"'"}' localhost:8023 chatflow.files.v1.FilesService/Download | sed -n 's/^  "chunk": "\(.*\)"$/\1/p' | while read -r chunk; do printf %s "$chunk" | base64 -d; done | wc -c
# 150000

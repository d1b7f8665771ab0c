#!/bin/sh
# Every RPC of the presence service, on port 8021. What a command prints is the comment right below it; … stands for
# what differs from run to run. A refusal ends grpcurl with 64 + its code; `|| true` lets the script go on.
set -eu

# ---- What is there: by reflection, without a .proto file ----

grpcurl -plaintext localhost:8021 grpc.health.v1.Health/Check
# {
#   "status": "SERVING"
# }

grpcurl -plaintext localhost:8021 list
# chatflow.presence.v1.PresenceService
# grpc.health.v1.Health

grpcurl -plaintext localhost:8021 list chatflow.presence.v1.PresenceService
# chatflow.presence.v1.PresenceService.GetUser
# chatflow.presence.v1.PresenceService.GoOffline
# chatflow.presence.v1.PresenceService.Heartbeat
# chatflow.presence.v1.PresenceService.HeartbeatMany
# chatflow.presence.v1.PresenceService.ListOnline
# chatflow.presence.v1.PresenceService.ListTyping
# chatflow.presence.v1.PresenceService.StartTyping
# chatflow.presence.v1.PresenceService.StopTyping

grpcurl -plaintext localhost:8021 describe chatflow.presence.v1.HeartbeatRequest
# chatflow.presence.v1.HeartbeatRequest is a message:
# // One beat of a user.
# message HeartbeatRequest {
#   // The user's id.
#   string user_id = 1;
#   // The shown name, up to 64 characters; empty: the id.
#   string username = 2;
#   // The rooms this user is in, up to 200: who shares one hears of a change. An empty list keeps what is known.
#   repeated string room_ids = 3;
# }

grpcurl -plaintext localhost:8021 describe chatflow.presence.v1.Status
# chatflow.presence.v1.Status is an enum:
# // Online or not.
# enum Status {
#   // Never sent.
#   STATUS_UNSPECIFIED = 0;
#   // Beat within the last 30 s.
#   STATUS_ONLINE = 1;
#   // Not.
#   STATUS_OFFLINE = 2;
# }

# ---- Online ----

grpcurl -plaintext -d '{"user_id":"examples-bot","username":"Bot","room_ids":["general"]}' localhost:8021 chatflow.presence.v1.PresenceService/Heartbeat
# {
#   "ttlMs": "30000"
# }

grpcurl -plaintext -d '{"user_id":"No Body"}' localhost:8021 chatflow.presence.v1.PresenceService/Heartbeat || true
# ERROR:
#   Code: InvalidArgument
#   Message: user_id: must match [a-z0-9][a-z0-9._-]{0,63}
#   Details:
#   1) {"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"field":"user_id","description":"must match [a-z0-9][a-z0-9._-]{0,63}"}]}

# The same for many, as the edge does for all who are connected to it.
grpcurl -plaintext -d '{"users":[{"user_id":"examples-bot","username":"Bot"},{"user_id":"examples-cat"}]}' localhost:8021 chatflow.presence.v1.PresenceService/HeartbeatMany
# {
#   "ttlMs": "30000"
# }

grpcurl -plaintext -d '{"users":[{"user_id":"examples-bot"},{"user_id":""}]}' localhost:8021 chatflow.presence.v1.PresenceService/HeartbeatMany || true
# ERROR:
#   Code: InvalidArgument
#   Message: users.user_id: must match [a-z0-9][a-z0-9._-]{0,63}
#   Details:
#   1) {"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"field":"users.user_id","description":"must match [a-z0-9][a-z0-9._-]{0,63}"}]}

# By user id, among all others who are online; without a name, the id is shown.
grpcurl -plaintext localhost:8021 chatflow.presence.v1.PresenceService/ListOnline
# {
#   "users": [
#     …,
#     {
#       "userId": "examples-bot",
#       "username": "Bot",
#       "status": "STATUS_ONLINE",
#       "lastSeen": "2026-11-23T…Z"
#     },
#     {
#       "userId": "examples-cat",
#       "username": "examples-cat",
#       "status": "STATUS_ONLINE",
#       "lastSeen": "2026-11-23T…Z"
#     },
#     …
#   ]
# }

grpcurl -plaintext -d '{"user_id":"examples-bot"}' localhost:8021 chatflow.presence.v1.PresenceService/GetUser
# {
#   "userId": "examples-bot",
#   "username": "Bot",
#   "status": "STATUS_ONLINE",
#   "lastSeen": "2026-11-23T…Z"
# }

# Whom nobody knows is offline: never NOT_FOUND.
grpcurl -plaintext -d '{"user_id":"examples-nobody"}' localhost:8021 chatflow.presence.v1.PresenceService/GetUser
# {
#   "userId": "examples-nobody",
#   "status": "STATUS_OFFLINE"
# }

# ---- Typing ----

grpcurl -plaintext -d '{"room_id":"examples","user_id":"examples-bot","username":"Bot"}' localhost:8021 chatflow.presence.v1.PresenceService/StartTyping
# {
#   "ttlMs": "5000"
# }

# Whoever asks within these 5 s is told.
grpcurl -plaintext -d '{"room_id":"examples"}' localhost:8021 chatflow.presence.v1.PresenceService/ListTyping
# {
#   "users": [
#     {
#       "userId": "examples-bot",
#       "username": "Bot"
#     }
#   ]
# }

grpcurl -plaintext -d '{"room_id":"examples","user_id":"examples-bot"}' localhost:8021 chatflow.presence.v1.PresenceService/StopTyping
# {
#   "changed": true
# }

# It stopped already: false, and so left out. Nobody types: an empty list, left out too.
grpcurl -plaintext -d '{"room_id":"examples","user_id":"examples-bot"}' localhost:8021 chatflow.presence.v1.PresenceService/StopTyping
# {}

grpcurl -plaintext -d '{"room_id":"examples"}' localhost:8021 chatflow.presence.v1.PresenceService/ListTyping
# {}

grpcurl -plaintext -d '{"room_id":"No Room","user_id":"examples-bot"}' localhost:8021 chatflow.presence.v1.PresenceService/StartTyping || true
# ERROR:
#   Code: InvalidArgument
#   Message: room_id: must match [a-z0-9][a-z0-9._-]{0,63}
#   Details:
#   1) {"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"field":"room_id","description":"must match [a-z0-9][a-z0-9._-]{0,63}"}]}

# ---- Offline ----

grpcurl -plaintext -d '{"user_id":"examples-bot"}' localhost:8021 chatflow.presence.v1.PresenceService/GoOffline
# {
#   "changed": true
# }

grpcurl -plaintext -d '{"user_id":"examples-bot"}' localhost:8021 chatflow.presence.v1.PresenceService/GoOffline
# {}

grpcurl -plaintext -d '{"user_id":"examples-bot"}' localhost:8021 chatflow.presence.v1.PresenceService/GetUser
# {
#   "userId": "examples-bot",
#   "status": "STATUS_OFFLINE"
# }

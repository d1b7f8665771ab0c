#!/bin/sh
# Every RPC of the chat service, on port 8020. What a command prints is the comment right below it; … stands for
# what differs from run to run. A refusal ends grpcurl with 64 + its code; `|| true` lets the script go on.
set -eu

# A room and a person of this run alone, so that it can be run again and again.
ROOM=examples-$(date +%s)-$$
ANN=ann-$(date +%s)-$$

# ---- What is there: by reflection, without a .proto file ----

grpcurl -plaintext localhost:8020 grpc.health.v1.Health/Check
# {
#   "status": "SERVING"
# }

grpcurl -plaintext localhost:8020 list
# chatflow.chat.v1.ChatService
# chatflow.chat.v1.IdentityService
# grpc.health.v1.Health

grpcurl -plaintext localhost:8020 list chatflow.chat.v1.ChatService
# chatflow.chat.v1.ChatService.ChangesOfRooms
# chatflow.chat.v1.ChatService.ChangesSince
# chatflow.chat.v1.ChatService.CreateRoom
# chatflow.chat.v1.ChatService.DeleteMessage
# chatflow.chat.v1.ChatService.EditMessage
# chatflow.chat.v1.ChatService.GetRoom
# chatflow.chat.v1.ChatService.Heads
# chatflow.chat.v1.ChatService.History
# chatflow.chat.v1.ChatService.ListReadMarks
# chatflow.chat.v1.ChatService.ListRooms
# chatflow.chat.v1.ChatService.MarkRead
# chatflow.chat.v1.ChatService.SendMessage
# chatflow.chat.v1.ChatService.SendMessages

grpcurl -plaintext localhost:8020 describe chatflow.chat.v1.ChatService.CreateRoom
# chatflow.chat.v1.ChatService.CreateRoom is a method:
# // Creates a room. ALREADY_EXISTS where the id is taken. Publishes a `room_updated` frame on `room:{id}`.
# rpc CreateRoom ( .chatflow.chat.v1.CreateRoomRequest ) returns ( .chatflow.chat.v1.Room );

grpcurl -plaintext localhost:8020 describe chatflow.chat.v1.CreateRoomRequest
# chatflow.chat.v1.CreateRoomRequest is a message:
# // A room to make.
# message CreateRoomRequest {
#   // The new room's id.
#   string id = 1;
#   // 1–80 characters; empty: the id.
#   string name = 2;
#   // 0–500 characters.
#   string description = 3;
# }

# ---- Rooms ----

grpcurl -plaintext -d '{"id":"'"$ROOM"'","name":"Examples","description":"Made by chat.sh"}' localhost:8020 chatflow.chat.v1.ChatService/CreateRoom
# {
#   "id": "examples-…",
#   "name": "Examples",
#   "description": "Made by chat.sh",
#   "createdAt": "2026-11-23T…Z"
# }

# An id that is taken.
grpcurl -plaintext -d '{"id":"general"}' localhost:8020 chatflow.chat.v1.ChatService/CreateRoom || true
# ERROR:
#   Code: AlreadyExists
#   Message: a room with this id exists already

# An id that can't be one: the details name the field.
grpcurl -plaintext -d '{"id":"No Room"}' localhost:8020 chatflow.chat.v1.ChatService/CreateRoom || true
# ERROR:
#   Code: InvalidArgument
#   Message: id: must match [a-z0-9][a-z0-9._-]{0,63}
#   Details:
#   1) {"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"field":"id","description":"must match [a-z0-9][a-z0-9._-]{0,63}"}]}

# An empty room's lastSeq is 0 and so left out.
grpcurl -plaintext -d '{"room_id":"'"$ROOM"'"}' localhost:8020 chatflow.chat.v1.ChatService/GetRoom
# {
#   "id": "examples-…",
#   "name": "Examples",
#   "description": "Made by chat.sh",
#   "createdAt": "2026-11-23T…Z"
# }

grpcurl -plaintext -d '{"room_id":"nowhere"}' localhost:8020 chatflow.chat.v1.ChatService/GetRoom || true
# ERROR:
#   Code: NotFound
#   Message: there is no such room

grpcurl -plaintext -d '{"limit":1}' localhost:8020 chatflow.chat.v1.ChatService/ListRooms
# {
#   "rooms": [
#     {
#       "id": "general",
#       "name": "General",
#       "description": "Everybody, everything",
#       "createdAt": "2026-11-23T…Z",
#       …
#     }
#   ]
# }

# The next page begins after the last room of this one.
grpcurl -plaintext -d '{"after_room_id":"general","limit":2}' localhost:8020 chatflow.chat.v1.ChatService/ListRooms
# {
#   "rooms": [
#     {
#       "id": "random",
#       "name": "Random",
#       …
#     },
#     {
#       "id": "devops",
#       "name": "DevOps",
#       …
#     }
#   ]
# }

grpcurl -plaintext -d '{"limit":1001}' localhost:8020 chatflow.chat.v1.ChatService/ListRooms || true
# ERROR:
#   Code: InvalidArgument
#   Message: limit: must be 1 to 1000, is 1001
#   Details:
#   1) {"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"field":"limit","description":"must be 1 to 1000, is 1001"}]}

# ---- Messages ----

grpcurl -plaintext -d '{"room_id":"'"$ROOM"'","user_id":"bot","username":"Bot","content":"Hello!","client_msg_id":"m1"}' localhost:8020 chatflow.chat.v1.ChatService/SendMessage
# {
#   "id": "01a2…",
#   "seq": "1",
#   "createdAt": "2026-11-23T…Z"
# }

# The same client_msg_id makes no second message: the answer is the first one's.
grpcurl -plaintext -d '{"room_id":"'"$ROOM"'","user_id":"bot","username":"Bot","content":"Hello!","client_msg_id":"m1"}' localhost:8020 chatflow.chat.v1.ChatService/SendMessage
# {
#   "id": "01a2…",
#   "seq": "1",
#   "createdAt": "2026-11-23T…Z",
#   "repeated": true
# }

# So its id can be asked for once more, to be used below.
ID=$(grpcurl -plaintext -d '{"room_id":"'"$ROOM"'","user_id":"bot","username":"Bot","content":"Hello!","client_msg_id":"m1"}' localhost:8020 chatflow.chat.v1.ChatService/SendMessage | sed -n 's/^  "id": "\(.*\)",$/\1/p')

# A message that is a file; files.sh shows how a file gets there.
grpcurl -plaintext -d '{"room_id":"'"$ROOM"'","user_id":"bot","username":"Bot","content":"plan.pdf","message_type":"file","file_url":"/api/files/123/download"}' localhost:8020 chatflow.chat.v1.ChatService/SendMessage
# {
#   "id": "01a2…",
#   "seq": "2",
#   "createdAt": "2026-11-23T…Z"
# }

grpcurl -plaintext -d '{"room_id":"general","user_id":"bot","username":"Bot","content":"  "}' localhost:8020 chatflow.chat.v1.ChatService/SendMessage || true
# ERROR:
#   Code: InvalidArgument
#   Message: content: must not be only white space
#   Details:
#   1) {"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"field":"content","description":"must not be only white space"}]}

grpcurl -plaintext -d '{"room_id":"nowhere","user_id":"bot","username":"Bot","content":"Hello?"}' localhost:8020 chatflow.chat.v1.ChatService/SendMessage || true
# ERROR:
#   Code: NotFound
#   Message: there is no such room

# Many messages in one call. Each is stored, known, or refused for itself, and told as soon as that is known.
grpcurl -plaintext -d '{"messages":[{"room_id":"'"$ROOM"'","user_id":"bot","username":"Bot","content":"Hello!","client_msg_id":"m1"},{"room_id":"'"$ROOM"'","user_id":"bot","username":"Bot","content":"  "}]}' localhost:8020 chatflow.chat.v1.ChatService/SendMessages
# {
#   "outcomes": [
#     {
#       "index": 1,
#       "refused": {
#         "code": 3,
#         "message": "content: must not be only white space"
#       }
#     }
#   ]
# }
# {
#   "outcomes": [
#     {
#       "stored": {
#         "id": "01a2…",
#         "seq": "1",
#         "createdAt": "2026-11-23T…Z",
#         "repeated": true
#       }
#     }
#   ]
# }

# Oldest first.
grpcurl -plaintext -d '{"room_id":"'"$ROOM"'"}' localhost:8020 chatflow.chat.v1.ChatService/History
# {
#   "messages": [
#     {
#       "id": "01a2…",
#       "roomId": "examples-…",
#       "userId": "bot",
#       "username": "Bot",
#       "content": "Hello!",
#       "messageType": "text",
#       "createdAt": "2026-11-23T…Z",
#       "seq": "1",
#       "changeSeq": "1",
#       "clientMsgId": "m1"
#     },
#     {
#       "id": "01a2…",
#       "roomId": "examples-…",
#       "userId": "bot",
#       "username": "Bot",
#       "content": "plan.pdf",
#       "messageType": "file",
#       "fileUrl": "/api/files/123/download",
#       "createdAt": "2026-11-23T…Z",
#       "seq": "2",
#       "changeSeq": "2"
#     }
#   ],
#   "lastSeq": "2"
# }

# The page before a message; `after` pages the other way.
grpcurl -plaintext -d '{"room_id":"'"$ROOM"'","before":2,"limit":1}' localhost:8020 chatflow.chat.v1.ChatService/History
# {
#   "messages": [
#     {
#       "id": "01a2…",
#       …,
#       "seq": "1",
#       "changeSeq": "1",
#       "clientMsgId": "m1"
#     }
#   ],
#   "lastSeq": "2"
# }

# An edit takes the room's next seq.
grpcurl -plaintext -d '{"room_id":"'"$ROOM"'","message_id":"'"$ID"'","user_id":"bot","content":"Hello all!"}' localhost:8020 chatflow.chat.v1.ChatService/EditMessage
# {
#   "message": {
#     "id": "01a2…",
#     "roomId": "examples-…",
#     "userId": "bot",
#     "username": "Bot",
#     "content": "Hello all!",
#     "messageType": "text",
#     "createdAt": "2026-11-23T…Z",
#     "seq": "1",
#     "changeSeq": "3",
#     "clientMsgId": "m1",
#     "editedAt": "2026-11-23T…Z"
#   }
# }

# Somebody else's message.
grpcurl -plaintext -d '{"room_id":"'"$ROOM"'","message_id":"'"$ID"'","user_id":"eve","content":"Gotcha"}' localhost:8020 chatflow.chat.v1.ChatService/EditMessage || true
# ERROR:
#   Code: PermissionDenied
#   Message: only its sender may change a message

# All that changed after seq 1; a frame is JSON, and bytes are base64.
grpcurl -plaintext -d '{"room_id":"'"$ROOM"'","after_seq":1}' localhost:8020 chatflow.chat.v1.ChatService/ChangesSince
# {
#   "changes": [
#     {
#       "seq": "2",
#       "frame": "eyJ0eXBlIjoibWVzc2FnZSIs…"
#     },
#     {
#       "seq": "3",
#       "frame": "eyJ0eXBlIjoibWVzc2FnZV91cGRhdGVkIiwi…"
#     }
#   ],
#   "completeTo": "3",
#   "lastSeq": "3"
# }

# The last of these frames, readable.
grpcurl -plaintext -d '{"room_id":"'"$ROOM"'","after_seq":2}' localhost:8020 chatflow.chat.v1.ChatService/ChangesSince | sed -n 's/^ *"frame": "\(.*\)"$/\1/p' | base64 -d; echo
# {"type":"message_updated","id":"01a2…","room_id":"examples-…","user_id":"bot","username":"Bot","content":"Hello all!",…}

# A past that this log does not have, as after a restored database: start anew from lastSeq.
grpcurl -plaintext -d '{"room_id":"'"$ROOM"'","after_seq":99}' localhost:8020 chatflow.chat.v1.ChatService/ChangesSince
# {
#   "completeTo": "3",
#   "lastSeq": "3",
#   "forked": true,
#   "lastId": "01a2…"
# }

# The tombstone has no content.
grpcurl -plaintext -d '{"room_id":"'"$ROOM"'","message_id":"'"$ID"'","user_id":"bot"}' localhost:8020 chatflow.chat.v1.ChatService/DeleteMessage
# {
#   "message": {
#     "id": "01a2…",
#     "roomId": "examples-…",
#     "userId": "bot",
#     "username": "Bot",
#     "messageType": "text",
#     "createdAt": "2026-11-23T…Z",
#     "seq": "1",
#     "changeSeq": "4",
#     "clientMsgId": "m1",
#     "editedAt": "2026-11-23T…Z"
#   }
# }

grpcurl -plaintext -d '{"room_id":"'"$ROOM"'","message_id":"'"$ID"'","user_id":"bot","content":"Back?"}' localhost:8020 chatflow.chat.v1.ChatService/EditMessage || true
# ERROR:
#   Code: NotFound
#   Message: there is no such message

grpcurl -plaintext -d '{"room_id":"general","message_id":"123","user_id":"bot"}' localhost:8020 chatflow.chat.v1.ChatService/DeleteMessage || true
# ERROR:
#   Code: InvalidArgument
#   Message: message_id: must be a UUID
#   Details:
#   1) {"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"field":"message_id","description":"must be a UUID"}]}

# The last change of many rooms at once; a room that does not exist is left out.
grpcurl -plaintext -d '{"room_ids":["'"$ROOM"'","nowhere"]}' localhost:8020 chatflow.chat.v1.ChatService/Heads
# {
#   "heads": [
#     {
#       "roomId": "examples-…",
#       "lastSeq": "4",
#       "lastId": "01a2…"
#     }
#   ]
# }

grpcurl -plaintext -d '{"room_ids":["No Room"]}' localhost:8020 chatflow.chat.v1.ChatService/Heads || true
# ERROR:
#   Code: InvalidArgument
#   Message: room_ids: must match [a-z0-9][a-z0-9._-]{0,63}
#   Details:
#   1) {"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"field":"room_ids","description":"must match [a-z0-9][a-z0-9._-]{0,63}"}]}

# What changed in many rooms, a page for each.
grpcurl -plaintext -d '{"pages":[{"room_id":"'"$ROOM"'","after_seq":3},{"room_id":"nowhere"}]}' localhost:8020 chatflow.chat.v1.ChatService/ChangesOfRooms
# {
#   "pages": [
#     {
#       "changes": [
#         {
#           "seq": "4",
#           "frame": "eyJ0eXBlIjoibWVzc2FnZV9kZWxldGVkIiwi…"
#         }
#       ],
#       "completeTo": "4",
#       "lastSeq": "4"
#     },
#     {
#       "noSuchRoom": true
#     }
#   ]
# }

# ---- Read marks ----

grpcurl -plaintext -d '{"room_id":"'"$ROOM"'","user_id":"'"$ANN"'","seq":2}' localhost:8020 chatflow.chat.v1.ChatService/MarkRead
# {
#   "seq": "2"
# }

# A mark only moves forward.
grpcurl -plaintext -d '{"room_id":"'"$ROOM"'","user_id":"'"$ANN"'","seq":1}' localhost:8020 chatflow.chat.v1.ChatService/MarkRead
# {
#   "seq": "2"
# }

grpcurl -plaintext -d '{"room_id":"nowhere","user_id":"bot","seq":1}' localhost:8020 chatflow.chat.v1.ChatService/MarkRead || true
# ERROR:
#   Code: NotFound
#   Message: there is no such room

grpcurl -plaintext -d '{"user_id":"'"$ANN"'"}' localhost:8020 chatflow.chat.v1.ChatService/ListReadMarks
# {
#   "marks": [
#     {
#       "roomId": "examples-…",
#       "lastSeq": "2"
#     }
#   ]
# }

# ---- Who is who ----

grpcurl -plaintext -d '{"user_id":"guest","username":"A guest"}' localhost:8020 chatflow.chat.v1.IdentityService/SignInGuest
# {
#   "token": "…",
#   "identity": {
#     "userId": "guest",
#     "username": "A guest",
#     "guest": true
#   },
#   "expiresAt": "2026-12-23T…Z"
# }

# An account is no guest, and false is left out.
grpcurl -plaintext -d '{"user_id":"'"$ANN"'","username":"Ann","password":"correct horse"}' localhost:8020 chatflow.chat.v1.IdentityService/Register
# {
#   "token": "…",
#   "identity": {
#     "userId": "ann-…",
#     "username": "Ann"
#   },
#   "expiresAt": "2026-12-23T…Z"
# }

grpcurl -plaintext -d '{"user_id":"'"$ANN"'","username":"Ann","password":"correct horse"}' localhost:8020 chatflow.chat.v1.IdentityService/Register || true
# ERROR:
#   Code: AlreadyExists
#   Message: this user id is taken

grpcurl -plaintext -d '{"user_id":"somebody","username":"Somebody","password":"short"}' localhost:8020 chatflow.chat.v1.IdentityService/Register || true
# ERROR:
#   Code: InvalidArgument
#   Message: password: must have 8 to 256 characters, has 5
#   Details:
#   1) {"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"field":"password","description":"must have 8 to 256 characters, has 5"}]}

grpcurl -plaintext -d '{"user_id":"'"$ANN"'"}' localhost:8020 chatflow.chat.v1.IdentityService/IsOwned
# {
#   "owned": true
# }

# Nobody may use an account's id by name alone.
grpcurl -plaintext -d '{"user_id":"'"$ANN"'","username":"Not Ann"}' localhost:8020 chatflow.chat.v1.IdentityService/SignInGuest || true
# ERROR:
#   Code: FailedPrecondition
#   Message: an account owns this user id: sign in with its password

grpcurl -plaintext -d '{"user_id":"'"$ANN"'","password":"correct horse"}' localhost:8020 chatflow.chat.v1.IdentityService/SignIn
# {
#   "token": "…",
#   "identity": {
#     "userId": "ann-…",
#     "username": "Ann"
#   },
#   "expiresAt": "2026-12-23T…Z"
# }

grpcurl -plaintext -d '{"user_id":"'"$ANN"'","password":"wrong horse"}' localhost:8020 chatflow.chat.v1.IdentityService/SignIn || true
# ERROR:
#   Code: Unauthenticated
#   Message: wrong user id or password

# A token is shown once, so this signs in once more.
TOKEN=$(grpcurl -plaintext -d '{"user_id":"'"$ANN"'","password":"correct horse"}' localhost:8020 chatflow.chat.v1.IdentityService/SignIn | sed -n 's/^  "token": "\(.*\)",$/\1/p')

grpcurl -plaintext -d '{"token":"'"$TOKEN"'"}' localhost:8020 chatflow.chat.v1.IdentityService/Authenticate
# {
#   "userId": "ann-…",
#   "username": "Ann"
# }

# Many at once: whose tokens these are, nobody's where one opens nothing, and whether accounts own these ids.
grpcurl -plaintext -d '{"tokens":["'"$TOKEN"'","unknown"],"user_ids":["'"$ANN"'","nobody"]}' localhost:8020 chatflow.chat.v1.IdentityService/Identify
# {
#   "identities": [
#     {
#       "userId": "ann-…",
#       "username": "Ann"
#     },
#     {}
#   ],
#   "owned": [
#     true,
#     false
#   ]
# }

grpcurl -plaintext -d '{"token":"'"$TOKEN"'"}' localhost:8020 chatflow.chat.v1.IdentityService/SignOut
# {}

# Other replicas of chat-svc may know the token for five seconds more.
sleep 5

grpcurl -plaintext -d '{"token":"'"$TOKEN"'"}' localhost:8020 chatflow.chat.v1.IdentityService/Authenticate || true
# ERROR:
#   Code: Unauthenticated
#   Message: unknown or expired token

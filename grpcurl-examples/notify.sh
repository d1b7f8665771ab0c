#!/bin/sh
# Every RPC of the notification service, on port 8022. What a command prints is the comment right below it; … stands
# for what differs from run to run. A refusal ends grpcurl with 64 + its code; `|| true` lets the script go on.
set -eu

# A person of this run alone, so that it can be run again and again.
ANN=ann-$(date +%s)-$$

# ---- What is there: by reflection, without a .proto file ----

grpcurl -plaintext localhost:8022 grpc.health.v1.Health/Check
# {
#   "status": "SERVING"
# }

grpcurl -plaintext localhost:8022 list
# chatflow.notify.v1.NotifyService
# grpc.health.v1.Health

grpcurl -plaintext localhost:8022 list chatflow.notify.v1.NotifyService
# chatflow.notify.v1.NotifyService.Create
# chatflow.notify.v1.NotifyService.Delete
# chatflow.notify.v1.NotifyService.List
# chatflow.notify.v1.NotifyService.MarkAllRead
# chatflow.notify.v1.NotifyService.MarkRead
# chatflow.notify.v1.NotifyService.UnreadCount

grpcurl -plaintext localhost:8022 describe chatflow.notify.v1.CreateRequest
# chatflow.notify.v1.CreateRequest is a message:
# // A notification to store.
# message CreateRequest {
#   // Whose it is.
#   string user_id = 1;
#   // 1–200 characters.
#   string title = 2;
#   // 0–2,000 characters.
#   string body = 3;
#   // 1–32 characters of `[a-z0-9_-]`; empty: "info".
#   string notif_type = 4;
#   // The room it is about, if any.
#   optional string room_id = 5;
#   // What makes a repeat recognisable, 1–200 characters, such as `mention:{message_id}:{user_id}`; unset: never a repeat.
#   optional string source = 6;
# }

# ---- New ones ----

grpcurl -plaintext -d '{"user_id":"'"$ANN"'","title":"Bot mentioned you","body":"Hello @ann!","notif_type":"mention","room_id":"general","source":"mention:m1:'"$ANN"'"}' localhost:8022 chatflow.notify.v1.NotifyService/Create
# {
#   "notification": {
#     "id": "01a2…",
#     "userId": "ann-…",
#     "title": "Bot mentioned you",
#     "body": "Hello @ann!",
#     "notifType": "mention",
#     "roomId": "general",
#     "createdAt": "2026-11-23T…Z"
#   }
# }

# The same source makes no second one: the answer is the first one's. A source is unique among all users, so that it
# has to name its own.
grpcurl -plaintext -d '{"user_id":"'"$ANN"'","title":"Bot mentioned you","body":"Hello @ann!","notif_type":"mention","room_id":"general","source":"mention:m1:'"$ANN"'"}' localhost:8022 chatflow.notify.v1.NotifyService/Create
# {
#   "notification": {
#     "id": "01a2…",
#     "userId": "ann-…",
#     "title": "Bot mentioned you",
#     "body": "Hello @ann!",
#     "notifType": "mention",
#     "roomId": "general",
#     "createdAt": "2026-11-23T…Z"
#   },
#   "repeated": true
# }

# So its id can be asked for once more, to be used below.
ID=$(grpcurl -plaintext -d '{"user_id":"'"$ANN"'","title":"Bot mentioned you","body":"Hello @ann!","notif_type":"mention","room_id":"general","source":"mention:m1:'"$ANN"'"}' localhost:8022 chatflow.notify.v1.NotifyService/Create | sed -n 's/^ *"id": "\(.*\)",$/\1/p')

# The least that one needs.
grpcurl -plaintext -d '{"user_id":"'"$ANN"'","title":"Lunch is ready"}' localhost:8022 chatflow.notify.v1.NotifyService/Create
# {
#   "notification": {
#     "id": "01a2…",
#     "userId": "ann-…",
#     "title": "Lunch is ready",
#     "notifType": "info",
#     "createdAt": "2026-11-23T…Z"
#   }
# }

grpcurl -plaintext -d '{"user_id":"ann","title":""}' localhost:8022 chatflow.notify.v1.NotifyService/Create || true
# ERROR:
#   Code: InvalidArgument
#   Message: title: must have 1 to 200 characters, has 0
#   Details:
#   1) {"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"field":"title","description":"must have 1 to 200 characters, has 0"}]}

grpcurl -plaintext -d '{"user_id":"ann","title":"Lunch is ready","notif_type":"Big News"}' localhost:8022 chatflow.notify.v1.NotifyService/Create || true
# ERROR:
#   Code: InvalidArgument
#   Message: notif_type: must match [a-z0-9_-]{1,32}
#   Details:
#   1) {"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"field":"notif_type","description":"must match [a-z0-9_-]{1,32}"}]}

# ---- What somebody has ----

# Newest first.
grpcurl -plaintext -d '{"user_id":"'"$ANN"'"}' localhost:8022 chatflow.notify.v1.NotifyService/List
# {
#   "notifications": [
#     {
#       "id": "01a2…",
#       "userId": "ann-…",
#       "title": "Lunch is ready",
#       "notifType": "info",
#       "createdAt": "2026-11-23T…Z"
#     },
#     {
#       "id": "01a2…",
#       "userId": "ann-…",
#       "title": "Bot mentioned you",
#       "body": "Hello @ann!",
#       "notifType": "mention",
#       "roomId": "general",
#       "createdAt": "2026-11-23T…Z"
#     }
#   ]
# }

grpcurl -plaintext -d '{"user_id":"ann","limit":201}' localhost:8022 chatflow.notify.v1.NotifyService/List || true
# ERROR:
#   Code: InvalidArgument
#   Message: limit: must be 1 to 200, is 201
#   Details:
#   1) {"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"field":"limit","description":"must be 1 to 200, is 201"}]}

grpcurl -plaintext -d '{"user_id":"'"$ANN"'"}' localhost:8022 chatflow.notify.v1.NotifyService/UnreadCount
# {
#   "unreadCount": "2"
# }

# ---- Read ----

grpcurl -plaintext -d '{"id":"'"$ID"'","user_id":"'"$ANN"'"}' localhost:8022 chatflow.notify.v1.NotifyService/MarkRead
# {
#   "id": "01a2…",
#   "userId": "ann-…",
#   "title": "Bot mentioned you",
#   "body": "Hello @ann!",
#   "notifType": "mention",
#   "roomId": "general",
#   "isRead": true,
#   "createdAt": "2026-11-23T…Z"
# }

# Somebody else's is as good as none.
grpcurl -plaintext -d '{"id":"'"$ID"'","user_id":"eve"}' localhost:8022 chatflow.notify.v1.NotifyService/MarkRead || true
# ERROR:
#   Code: NotFound
#   Message: there is no such notification

grpcurl -plaintext -d '{"id":"123"}' localhost:8022 chatflow.notify.v1.NotifyService/MarkRead || true
# ERROR:
#   Code: InvalidArgument
#   Message: id: must be a UUID
#   Details:
#   1) {"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"field":"id","description":"must be a UUID"}]}

grpcurl -plaintext -d '{"user_id":"'"$ANN"'","unread_only":true}' localhost:8022 chatflow.notify.v1.NotifyService/List
# {
#   "notifications": [
#     {
#       "id": "01a2…",
#       "userId": "ann-…",
#       "title": "Lunch is ready",
#       "notifType": "info",
#       "createdAt": "2026-11-23T…Z"
#     }
#   ]
# }

grpcurl -plaintext -d '{"user_id":"'"$ANN"'"}' localhost:8022 chatflow.notify.v1.NotifyService/MarkAllRead
# {
#   "changed": "1"
# }

# None is unread: 0, and so left out.
grpcurl -plaintext -d '{"user_id":"'"$ANN"'"}' localhost:8022 chatflow.notify.v1.NotifyService/UnreadCount
# {}

# ---- Gone ----

grpcurl -plaintext -d '{"id":"'"$ID"'","user_id":"'"$ANN"'"}' localhost:8022 chatflow.notify.v1.NotifyService/Delete
# {}

grpcurl -plaintext -d '{"id":"'"$ID"'","user_id":"'"$ANN"'"}' localhost:8022 chatflow.notify.v1.NotifyService/Delete || true
# ERROR:
#   Code: NotFound
#   Message: there is no such notification

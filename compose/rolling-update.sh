#!/usr/bin/env bash
# Replaces every container of our services by one of the images and settings of now, without anybody noticing: as many new
# ones as there are old ones start beside them, and once they are healthy the old ones stop, one after the other.
#
#   docker compose build && ./rolling-update.sh [SERVICE...]
set -euo pipefail
cd "$(dirname "$0")"

services=("$@")
# Edges last: what they talk to is new by then.
[ ${#services[@]} -gt 0 ] || services=(chat-service presence-service notification-service file-service edge)

for service in "${services[@]}"; do
    mapfile -t old < <(docker compose ps --quiet "$service")
    count=${#old[@]}
    [ "$count" -gt 0 ] || { echo "$service does not run: start it with docker compose up." >&2; exit 1; }
    echo "$service: $count new beside $count old"
    docker compose up --detach --wait --no-deps --no-recreate --scale "$service=$((2 * count))" "$service"
    for id in "${old[@]}"; do
        docker stop "$id" >/dev/null
        docker rm "$id" >/dev/null
    done
done

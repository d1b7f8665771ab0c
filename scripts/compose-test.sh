#!/usr/bin/env bash
# Verifies compose/: starts the stack, walks its guide, scales, kills, and takes everything down. What is missing is made
# first: an engine where none is installed (Debian, root), and stand-ins for images where no registry is reached.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! docker compose version >/dev/null 2>&1 || ! docker info >/dev/null 2>&1; then
    echo "Docker with compose v2 is not there, or not running: installing it."
    compose/stand-ins/install-engine.sh
fi

missing() {
    local image
    for image in "$@"; do
        docker image inspect "$image" >/dev/null 2>&1 || echo "$image"
    done
}

# What the images are built from, and what runs as it is.
mapfile -t wanted < <(
    sed -n 's/^ARG [A-Z]*_IMAGE=//p' compose/Dockerfile
    docker compose -f compose/docker-compose.yml --profile tools config --images | grep -v '^chatflow/'
)
mapfile -t wanted < <(missing "${wanted[@]}" | sort -u)
# Whether anybody answers at the registry that an image comes from; what it answers is another matter.
reached() {
    local host=registry-1.docker.io
    case $1 in *.*/*) host=${1%%/*} ;; esac
    curl --silent --output /dev/null --max-time 20 "https://$host/v2/"
}

for image in "${wanted[@]}"; do
    [ -n "$image" ] || continue
    echo "Pulling $image."
    if timeout 600 docker pull --quiet "$image"; then
        continue
    fi
    if reached "$image"; then
        echo "There is a registry, and it does not give $image: try again later." >&2
        exit 69
    fi
    echo "No registry is reached: making stand-ins, under the same names (see compose/stand-ins/README.md)."
    compose/stand-ins/local-images.sh
    break
done

cargo build --quiet --workspace --bins
"${CARGO_TARGET_DIR:-target}"/debug/compose-verify

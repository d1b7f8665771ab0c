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
    docker compose -f compose/docker-compose.yml config --images | grep -v '^chatflow/'
)
mapfile -t wanted < <(missing "${wanted[@]}" | sort -u)
for image in "${wanted[@]}"; do
    [ -n "$image" ] || continue
    echo "Pulling $image."
    if ! timeout 600 docker pull --quiet "$image"; then
        echo "No registry has it for this machine: making stand-ins (see compose/stand-ins/README.md)."
        compose/stand-ins/local-images.sh
        break
    fi
done

cargo build --quiet --workspace --bins
"${CARGO_TARGET_DIR:-target}"/debug/compose-verify

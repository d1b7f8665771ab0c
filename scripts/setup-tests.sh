#!/usr/bin/env bash
# Installs what the tests need on a Debian that has only Rust. What is there already is left alone.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/tools.sh

packages=()

# need PACKAGE... -- PROGRAM...: wants the packages unless one of the programs is there.
need() {
    local wanted=()
    while [ "$1" != -- ]; do
        wanted+=("$1")
        shift
    done
    shift
    for program in "$@"; do
        if command -v "$program" >/dev/null; then
            return
        fi
    done
    packages+=("${wanted[@]}")
}

need gcc libc6-dev -- cc
need make -- make
need postgresql -- postgres /usr/lib/postgresql/*/bin/postgres
need redis-server -- redis-server
need faketime -- faketime
need nginx -- nginx /usr/sbin/nginx
need prometheus -- promtool
need chromium -- chromium
need chromium-driver -- chromedriver
need nodejs -- node
need npm -- npm
# Without fonts a headless browser draws boxes.
for font in /usr/share/fonts/truetype/dejavu:fonts-dejavu-core /usr/share/fonts/truetype/noto/NotoColorEmoji.ttf:fonts-noto-color-emoji; do
    [ -e "${font%:*}" ] || packages+=("${font#*:}")
done

if [ ${#packages[@]} -gt 0 ]; then
    # The tests want the program only; as a service it would take port 9090 from the one in compose.
    if [[ " ${packages[*]} " = *" prometheus "* ]] && [ -d /run/systemd/system ]; then
        as_root systemctl mask --quiet prometheus.service
    fi
    install_debian "${packages[@]}"
fi

# The tests call our gRPC services as a stranger does. Debian packages no grpcurl; buf is one download.
command -v grpcurl >/dev/null || command -v buf >/dev/null || install_npm "$BUF"

#!/usr/bin/env bash
# Installs the peers that ChatFlow is measured beside: `install.sh [NAME...]`, all of them without a name.
# They go to $BENCH_PEERS/NAME (default: ~/.cache/chatflow/bench-peers). What is there and unchanged is left alone. For a peer that can't
# be had it prints one line with the reason and removes the folder; the others are installed all the same.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=${BENCH_PEERS:-${XDG_CACHE_HOME:-$HOME/.cache}/chatflow/bench-peers}
all=(uwebsockets socket-io ws fastapi centrifuge gorilla nats nchan)

as_root=()
[ "$(id -u)" = 0 ] || as_root=(sudo -n)

die() {
    echo "$*" >&2
    exit 1
}

# Debian's lists are fetched when something is wanted of them, and at most once a day.
refresh_lists() {
    local stamp=$root/.apt-lists
    if [ -z "$(find "$stamp" -mtime -1 2>/dev/null)" ]; then
        "${as_root[@]}" apt-get update -qq
        touch "$stamp"
    fi
}

# need_packages PACKAGE...: wants Debian's packages on the machine.
need_packages() {
    command -v apt-get >/dev/null || die "needs Debian's packages $*"
    local missing=() package
    for package in "$@"; do
        dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
    done
    [ ${#missing[@]} != 0 ] || return 0
    refresh_lists
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends "${missing[@]}" ||
        die "can't install Debian's packages ${missing[*]}"
}

# need_program PROGRAM PACKAGE...: wants Debian's packages only where the program is missing.
need_program() {
    command -v "$1" >/dev/null || need_packages "${@:2}"
}

# unpack_packages PACKAGE...: puts Debian's packages into the current folder, so that no service of theirs is set up or restarted.
unpack_packages() {
    command -v apt-get >/dev/null || die "needs Debian's packages $*"
    refresh_lists
    mkdir -p packages
    # apt-get drops its rights for a download, and this folder is the user's alone.
    (cd packages && apt-get download -qq -o APT::Sandbox::User=root "$@") || die "can't get Debian's packages $*"
    local package
    for package in packages/*.deb; do
        dpkg-deb --extract "$package" .
    done
    rm -r packages
}

package_versions() {
    dpkg-query -W -f '${source:Package} ${Version}\n' "$@" | paste -sd ',' | sed 's/,/, /g'
}

install_uwebsockets() {
    need_program cc gcc libc6-dev
    need_program c++ g++
    need_packages libhiredis-dev
    command -v cargo >/dev/null || die "needs cargo to download the source"
    local manifest source
    manifest=$(cargo metadata --format-version 1 --filter-platform "$(rustc -vV | sed -n 's/^host: //p')" |
        grep -o '"manifest_path":"[^"]*/libuwebsockets-sys-[^"]*"' | cut -d '"' -f 4)
    source=$(dirname "$manifest")/uWebSockets
    # The flags are those of the project's own build, without TLS and compression.
    local flags=(-O3 -flto=auto -march=native -DLIBUS_NO_SSL -DUWS_NO_ZLIB -I "$source/src" -I "$source/uSockets/src")
    local file objects=()
    mkdir -p objects
    for file in "$source"/uSockets/src/{*,eventing/*,crypto/*}.c; do
        objects+=("objects/$(basename "$file" .c).o")
        cc "${flags[@]}" -std=gnu11 -c "$file" -o "${objects[-1]}"
    done
    c++ "${flags[@]}" -std=c++20 -Wall -Wextra server.cpp "${objects[@]}" -lhiredis -o server
    rm -r objects
    echo "uWebSockets 20.58.0 (crate libuwebsockets-sys 0.0.10), $(c++ --version | head -1), hiredis $(dpkg-query -W -f '${Version}' libhiredis-dev)" >versions.txt
}

# node_packages NAME...: the packages of package-lock.json; the line of versions names those given.
node_packages() {
    need_program node nodejs
    need_program npm npm
    npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error
    local line name
    line="node $(node --version)"
    for name in "$@"; do
        line+=", $name $(node -p "require('./node_modules/$name/package.json').version")"
    done
    echo "$line" >versions.txt
}

install_socket-io() {
    node_packages socket.io @socket.io/redis-adapter ws bufferutil ioredis
}

install_ws() {
    node_packages ws bufferutil ioredis
}

install_fastapi() {
    need_program python3 python3 python3-venv
    python3 -m venv env
    env/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --only-binary :all: -r requirements.txt
    echo "$(env/bin/python --version), $(env/bin/python -m pip freeze --disable-pip-version-check |
        grep -E '^(fastapi|uvicorn|uvloop|websockets|redis|hiredis)==' | sed 's/==/ /' | paste -sd ',' | sed 's/,/, /g')" >versions.txt
}

# build_go PACKAGE...: compiles server.go against Debian's packages of Go sources, without Go modules.
build_go() {
    need_packages golang-go "$@"
    GO111MODULE=off GOPATH=/usr/share/gocode GOCACHE=$root/.go-build go build -o server server.go
    echo "$(go version | cut -d ' ' -f 3), $(package_versions "$@")" >versions.txt
}

install_centrifuge() {
    # The package does not name all that its source imports.
    build_go golang-github-centrifugal-centrifuge-dev golang-github-centrifugal-protocol-dev golang-github-fzambia-eagle-dev \
        golang-github-igm-sockjs-go-dev golang-github-mna-redisc-dev golang-github-gomodule-redigo-dev golang-github-gorilla-websocket-dev
}

install_gorilla() {
    build_go golang-github-gorilla-websocket-dev golang-github-gomodule-redigo-dev
}

install_nats() {
    unpack_packages nats-server
    usr/sbin/nats-server --version >versions.txt
}

install_nchan() {
    need_packages libpcre2-8-0 libssl3 zlib1g
    unpack_packages nginx libnginx-mod-nchan
    echo "$(usr/sbin/nginx -v 2>&1 | cut -d ' ' -f 3), nchan $(apt-cache show --no-all-versions libnginx-mod-nchan | sed -n 's/^Version: //p')" >versions.txt
}

# What decides whether an installed peer is up to date: its files, and the processor, since what is compiled is compiled for it.
digest() {
    {
        (cd "$here" && find "$1" install.sh -type f -print0 | sort -z | xargs -0 sha256sum)
        grep -m 1 '^flags' /proc/cpuinfo || true
    } | sha256sum | cut -d ' ' -f 1
}

install_peer() {
    local name=$1 folder=$root/$1 log=$root/$1.log wanted
    wanted=$(digest "$name")
    if [ "$(cat "$folder/.installed" 2>/dev/null)" = "$wanted" ]; then
        return
    fi
    rm -rf "$folder"
    cp -r "$here/$name" "$folder"
    # A new shell, since `set -e` does not hold inside a condition.
    if (cd "$folder" && nice "$BASH" "$here/install.sh" --inside "$name") >"$log" 2>&1 </dev/null; then
        echo "$wanted" >"$folder/.installed"
        echo "$name: $(cat "$folder/versions.txt")"
    else
        rm -rf "$folder"
        echo "$name: can't be had: $(grep -v '^\s*$' "$log" | tail -1) (all of it in $log)"
    fi
}

if [ "${1:-}" = --inside ]; then
    "install_$2"
    exit
fi
for name in "$@"; do
    case " ${all[*]} " in
        *" $name "*) ;;
        *)
            echo "no such peer: $name (there are: ${all[*]})" >&2
            exit 64
            ;;
    esac
done
[ $# != 0 ] || set -- "${all[@]}"
mkdir -p "$root"
for name in "$@"; do
    install_peer "$name"
done

# Sourced by the other scripts: where tools live that Debian does not package, and which version of each.
# shellcheck shell=bash

TOOLS=${CHATFLOW_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/chatflow/tools}
PATH=$PATH:$TOOLS/bin:$TOOLS/npm/node_modules/.bin

BUF=@bufbuild/buf@1.75.0
TYPESCRIPT=typescript@5.9.3
CARGO_DENY=0.20.2
INFERNO=0.12.8
AUTOBAHN=25.10.1

# Installs an npm package at an exact version, with nothing of it inside the clone.
install_npm() {
    local folder=$TOOLS/npm name=${1%@*} version=${1##*@}
    local present=$folder/node_modules/$name/package.json
    if [ -f "$present" ] && grep -q "\"version\": \"$version\"" "$present"; then
        return
    fi
    echo "Installing $1 in $folder."
    mkdir -p "$folder"
    npm install --prefix "$folder" --no-audit --no-fund --no-update-notifier --loglevel=error "$1" </dev/null
}

# Runs a command as root: as it is, or through sudo.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif sudo -n true 2>/dev/null || [ -t 0 ]; then
        sudo "$@"
    else
        echo "This needs root: \`$*\`. Run it, then try again." >&2
        exit 1
    fi
}

# Installs Debian packages.
install_debian() {
    if ! command -v apt-get >/dev/null; then
        echo "Can't install without apt-get. Missing, by their Debian names: $*" >&2
        exit 1
    fi
    echo "Installing $*."
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends "$@" >/dev/null
}

# Sourced by the other scripts: where tools live that Debian does not package, and which version of each.
# shellcheck shell=bash

TOOLS=${CHATFLOW_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/chatflow/tools}
PATH=$PATH:$TOOLS/bin:$TOOLS/npm/node_modules/.bin

BUF=@bufbuild/buf@1.75.0
TYPESCRIPT=typescript@5.9.3
CARGO_DENY=0.20.2

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

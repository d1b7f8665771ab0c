#!/bin/sh
# publish-ui.sh FROM TO: lays out the browser UI for a server of static files. Scripts and styles go into a folder that is
# named by what is in it, so that browsers may keep them for ever: a change gets a new address. Everything is there
# compressed as well.
set -eu
from=$1 to=$2

cd "$from"
# What the UI consists of; its tests and tools stay behind.
files=$(find . \( -name tests -o -name node_modules -o -name types \) -prune -o -type f \( -name '*.js' -o -name '*.css' \) -print | sort)
hash=$(cat $files | sha256sum | cut -c1-16)
for file in $files; do
    mkdir -p "$to/assets/$hash/$(dirname "$file")"
    cp "$file" "$to/assets/$hash/$file"
done
cp favicon.svg manifest.webmanifest "$to/"
sed -E "s#(href|src)=\"\./([^\"]+\.(js|css))\"#\1=\"./assets/$hash/\2\"#" index.html > "$to/index.html"
find "$to" -type f -exec gzip -9 --keep --no-name {} +

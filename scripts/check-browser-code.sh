#!/usr/bin/env bash
# Checks the types of the browser UI, which are written in its comments.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/tools.sh

"$TOOLS/npm/node_modules/.bin/tsc" --project edge/web

#!/usr/bin/env bash
# Starts each installed peer beside a Redis of its own and checks that every member of a room gets every message once, and nobody else
# any: `check.sh [NAME...]`, all that are installed without a name. One line for each peer; fails if one does.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=${BENCH_PEERS:-${XDG_CACHE_HOME:-$HOME/.cache}/chatflow/bench-peers}
python=$root/fastapi/env/bin/python
if [ ! -x "$python" ]; then
    echo "The check runs in the Python of the peer fastapi: run bench/peers/install.sh fastapi first." >&2
    exit 1
fi
exec "$python" "$here/check.py" "$root" "$@"

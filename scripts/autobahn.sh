#!/usr/bin/env bash
# Runs the Autobahn test suite against the frame code of the edge, and fails unless every case is OK or informational.
# AUTOBAHN_CASES names the cases (default: all 517 that the suite runs, a quarter of an hour; "1.*,6.4.*" is seconds).
# The suite is written for Python 2.7: PYTHON27 says where one is that is not found. Without any, its image is taken.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/tools.sh

ALL='1.*,2.*,3.*,4.*,5.*,6.*,7.*,9.*,10.*,12.*,13.*'
cases=${AUTOBAHN_CASES:-$ALL}

# The first Python 2.7 that can install packages.
python27() {
    local python
    for python in "${PYTHON27:-}" python2.7 python2 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/2.7*/bin/python; do
        if [ -n "$python" ] && "$python" -c 'import sys, pip; sys.exit(sys.version_info[:2] != (2, 7))' 2>/dev/null; then
            echo "$python"
            return
        fi
    done
}

python=$(python27)
if [ -n "$python" ]; then
    export PYTHONUSERBASE=$TOOLS/autobahn-$AUTOBAHN PYTHONWARNINGS=ignore
    if [ ! -x "$PYTHONUSERBASE/bin/wstest" ]; then
        echo "Installing autobahntestsuite $AUTOBAHN in $PYTHONUSERBASE."
        "$python" -m pip install --user --quiet --disable-pip-version-check --no-warn-script-location \
            "autobahntestsuite==$AUTOBAHN" 2>/dev/null
    fi
elif ! docker info >/dev/null 2>&1; then
    echo "The suite needs Python 2.7 (PYTHON27=/path/to/python2.7) or Docker, and neither is here." >&2
    echo "The same cases, written in Rust, need neither: cargo test -p wire --test conformance" >&2
    exit 69
fi

target=${CARGO_TARGET_DIR:-target}
cargo build --quiet --release --package wire --example echo
reports=$(realpath -m "$target/autobahn")
rm -rf "$reports"
mkdir -p "$reports"

coproc ECHO { exec "$target/release/examples/echo" 127.0.0.1:0; }
server=$ECHO_PID
trap 'kill "$server" 2>/dev/null || true' EXIT
read -r -t 10 address <&"${ECHO[0]}"

cat > "$reports/spec.json" <<SPEC
{
  "outdir": "$reports",
  "servers": [{ "agent": "wire", "url": "ws://$address" }],
  "cases": ["${cases//,/\", \"}"],
  "exclude-cases": [],
  "exclude-agent-cases": {}
}
SPEC

echo "Running cases $cases; the log is $reports/log."
if [ -n "$python" ]; then
    suite=("$python" "$PYTHONUSERBASE/bin/wstest")
else
    suite=(docker run --rm --network host --user "$(id -u):$(id -g)" --volume "$reports:$reports"
        "crossbario/autobahn-testsuite:$AUTOBAHN" wstest)
fi
if ! timeout "${AUTOBAHN_SECONDS:-5400}" "${suite[@]}" --mode fuzzingclient --spec "$reports/spec.json" >"$reports/log" 2>&1; then
    tail -20 "$reports/log" >&2
    exit 1
fi
node scripts/autobahn-verdict.mjs "$reports/index.json" "$([ "$cases" = "$ALL" ] && echo 517 || echo 1)"

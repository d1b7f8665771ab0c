#!/usr/bin/env bash
# Builds what is measured, installs the peers, and measures all of it in turns: bench/RESULTS.md, bench/results.json, docs/img/bench-*.svg.
# QUICK=1 takes fewer rounds and sizes. With `growth`, how costs grow instead, beside what is there of the comparison; with `million`, only as
# many connections as one process may have.
set -euo pipefail
cd "$(dirname "$0")/.."

# Every socket is an open file; a process may take as many as the machine allows it, and no more. Who may raise that, does.
if [ "${1:-}" = million ]; then
    ulimit -n 1100000 2>/dev/null || true
fi
ulimit -Sn "$(ulimit -Hn)"

cargo build --release --workspace --bins
programs=${CARGO_TARGET_DIR:-target}/release

if [ "${1:-}" = million ]; then
    # A run that fails leaves the last one's.
    record=$(mktemp)
    trap 'rm -f "$record"' EXIT
    "$programs/bench" one --workload million --contender chatflow --bins "$programs" | tee "$record"
    install -m 644 "$record" bench/million.json
    exit
fi
[ "${1:-}" = growth ] && growth=1
# A peer that can't be had is left out, and the results say so.
bench/peers/install.sh || true
"$programs/bench" all ${growth:+--growth} ${QUICK:+--quick} --bins "$programs" --out bench --plots docs/img

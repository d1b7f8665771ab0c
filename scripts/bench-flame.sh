#!/usr/bin/env bash
# Draws where an edge spends its time under the hottest workloads: docs/img/flame-*.svg. It builds an edge with names and frame pointers, in a
# profile of its own, and samples it with perf while the bench measures. Needs the right to look into the kernel (root, or
# kernel.perf_event_paranoid below 2 and kernel.kptr_restrict 0).
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/tools.sh
ulimit -Sn "$(ulimit -Hn)"

if ! command -v perf >/dev/null; then
    install_debian linux-perf
fi
if ! command -v inferno-flamegraph >/dev/null; then
    echo "Compiling inferno $INFERNO in $TOOLS, once."
    build=$(mktemp -d)
    nice cargo install inferno --version "$INFERNO" --locked --quiet --root "$TOOLS" --target-dir "$build"
    rm -rf "$build"
fi

target=${CARGO_TARGET_DIR:-target}
cargo build --release --workspace --bin bench --bin chat-svc --bin presence-svc --bin notify-svc --bin files-svc
RUSTFLAGS="-C force-frame-pointers=yes" CFLAGS="-fno-omit-frame-pointer" cargo build --profile profiling --workspace --bin edge

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/bin"
for program in "$target"/release/{chat-svc,presence-svc,notify-svc,files-svc} "$target/profiling/edge"; do
    ln -s "$(realpath "$program")" "$work/bin/"
done

# What is thinner than a third of a pixel can not be seen, and makes the files large.
draw() {
    local name=$1 title=$2
    shift 2
    "$target/release/bench" one --contender chatflow --bins "$work/bin" --profile "$work/$name.data" "$@"
    perf script --no-inline --input "$work/$name.data" 2>/dev/null |
        inferno-collapse-perf 2>/dev/null |
        sed -E 's/^[^;]+;/edge;/; s/::h[0-9a-f]{16}(;| )/\1/g' |
        inferno-flamegraph --title "$title" --minwidth 0.3 --hash --notes "make bench-flame" >"docs/img/flame-$name.svg"
    ls -l "docs/img/flame-$name.svg"
}

draw room-single "An edge: one room of 1,000, 100 messages a second" --workload room-single --seconds 10
draw room-burst "An edge: one room of 1,000, bursts of 500" --workload room-burst --seconds 10
draw small-rooms "An edge: 1,000 rooms of ten, 100 senders" --workload small-rooms --seconds 10
draw connect "An edge: 10,000 come back at once, each resuming 50 messages" --workload connect

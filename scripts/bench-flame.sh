#!/usr/bin/env bash
# Draws where an edge spends its time under the hottest workloads, and chat-svc with PostgreSQL under many sends: docs/img/flame-*.svg. It
# builds both with names and frame pointers, in a profile of their own, and samples them with perf while the bench measures. Needs the right to
# look into the kernel (root, or kernel.perf_event_paranoid below 2 and kernel.kptr_restrict 0).
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
cargo build --release --workspace --bin bench --bin bench-store --bin chat-svc --bin presence-svc --bin notify-svc --bin files-svc
RUSTFLAGS="-C force-frame-pointers=yes" CFLAGS="-fno-omit-frame-pointer" cargo build --profile profiling --workspace --bin edge --bin chat-svc

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/bin" "$work/store"
for program in "$target"/release/{chat-svc,presence-svc,notify-svc,files-svc} "$target/profiling/edge"; do
    ln -s "$(realpath "$program")" "$work/bin/"
done
# It takes the chat-svc that lies beside it.
cp "$target/release/bench-store" "$work/store/"
ln -s "$(realpath "$target/profiling/chat-svc")" "$work/store/"

# draw NAME TITLE ROOTS: what was sampled to NAME.data, where ROOTS is a sed command for the names of processes. What is thinner than a third
# of a pixel can not be seen, and makes the files large.
draw() {
    local name=$1 title=$2 roots=$3
    perf script --no-inline --input "$work/$name.data" 2>/dev/null |
        inferno-collapse-perf 2>/dev/null |
        sed -E "$roots"'; s/::h[0-9a-f]{16}(;| )/\1/g' |
        inferno-flamegraph --title "$title" --minwidth 0.3 --hash --notes "make bench-flame" >"docs/img/flame-$name.svg"
    ls -l "docs/img/flame-$name.svg"
}

edge() {
    local name=$1 title=$2
    shift 2
    "$target/release/bench" one --contender chatflow --bins "$work/bin" --profile "$work/$name.data" "$@"
    draw "$name" "An edge: $title" 's/^[^;]+;/edge;/'
}

edge room-single "one room of 1,000, 100 messages a second" --workload room-single --seconds 10
edge room-burst "one room of 1,000, bursts of 500" --workload room-burst --seconds 10
edge small-rooms "1,000 rooms of ten, 100 senders" --workload small-rooms --seconds 10
edge connect "10,000 come back at once, each resuming 50 messages" --workload connect

"$work/store/bench-store" send --seconds 10 --profile "$work/sends.data"
draw sends "chat-svc and PostgreSQL: 1,024 callers" 's/^postgres[^;]*;/PostgreSQL;/; t; s/^[^;]+;/chat-svc;/'

#!/usr/bin/env bash
# Holds the dependencies against deny.toml. Known vulnerabilities are looked up where their database can be reached.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/tools.sh

deny=(cargo-deny --log-level error)
"${deny[@]}" check --hide-inclusion-graph bans licenses sources
if timeout 120 "${deny[@]}" fetch db >/dev/null 2>&1 </dev/null; then
    "${deny[@]}" check --disable-fetch advisories
else
    echo "advisories not checked: https://github.com/RustSec/advisory-db can't be reached"
fi

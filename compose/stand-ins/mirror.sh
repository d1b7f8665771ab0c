# Sourced by the other scripts.
# shellcheck shell=bash

# The mirror that this machine already uses for its own suite, out of its apt
# sources (both formats).
mirror() {
  { cat /etc/apt/sources.list /etc/apt/sources.list.d/*.sources /etc/apt/sources.list.d/*.list 2>/dev/null || true; } |
    awk -v suite="$(. /etc/os-release && echo "$VERSION_CODENAME")" '
      $1 == "deb" { for (i = 2; i < NF; i++) if ($i ~ /^https?:/ && $(i + 1) == suite) { print $i; exit } }
      NF == 0 { uri = "" }
      $1 == "URIs:" { uri = $2 }
      $1 == "Suites:" && uri != "" { for (i = 2; i <= NF; i++) if ($i == suite) { print uri; exit } }' || true
}

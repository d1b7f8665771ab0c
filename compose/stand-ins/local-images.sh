#!/bin/bash
# local-images.sh - builds local stand-ins for the official images that our
# compose files name, under the same tags, for machines that cannot pull from a
# registry. Made from Debian packages and published crates only. A tag that exists is
# left alone, be it a stand-in or the real image.
#
#   ./local-images.sh                 all of them
#   ./local-images.sh postgres redis  only these (and what they are built on)
#   ./local-images.sh --rebuild nginx build again although the tag exists
#   ./local-images.sh --list          tags and whether they exist
#
# Needs: a running Docker engine (install-engine.sh), root for debootstrap, and
# for the rust image a rustup toolchain on this machine (it is copied, not
# downloaded). Tags can be changed through the variables below.
set -euo pipefail

DEBIAN_IMAGE=${DEBIAN_IMAGE:-debian:bookworm-slim}
RUST_IMAGE=${RUST_IMAGE:-rust:1.95-bookworm}
POSTGRES_IMAGE=${POSTGRES_IMAGE:-postgres:17-alpine}
REDIS_IMAGE=${REDIS_IMAGE:-redis:7-alpine}
NGINX_IMAGE=${NGINX_IMAGE:-nginx:1.28-alpine}
MC_IMAGE=${MC_IMAGE:-quay.io/minio/mc:RELEASE.2025-08-13T08-35-41Z}
MINIO_IMAGE=${MINIO_IMAGE:-quay.io/minio/minio:RELEASE.2025-09-07T16-13-09Z}
PROMETHEUS_IMAGE=${PROMETHEUS_IMAGE:-prom/prometheus:v3.13.2}
# Set to "host" where containers cannot reach the network over the bridge.
BUILD_NETWORK=${BUILD_NETWORK:-default}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
suite=bookworm
label=local.standin=true
names=(debian rust postgres redis nginx mc minio prometheus)

say() { printf '[images] %s\n' "$*"; }
fail() { printf '[images] error: %s\n' "$*" >&2; exit 1; }
tag() { local v=${1^^}_IMAGE; echo "${!v}"; }
have() { docker image inspect "$(tag "$1")" >/dev/null 2>&1; }

# BuildKit where the CLI has buildx, else the classic builder; the stand-ins'
# Dockerfiles use nothing that only one of them knows.
export DOCKER_BUILDKIT=1
docker buildx version >/dev/null 2>&1 || DOCKER_BUILDKIT=0

build() { # build NAME [docker build arguments...] CONTEXT
  local name=$1; shift
  docker build --quiet --network "$BUILD_NETWORK" --label "$label" --tag "$(tag "$name")" "$@" >/dev/null
}

need() { # need NAME... - what a stand-in is built on
  local n
  for n; do have "$n" || make "$n"; done
}

source "$(dirname "${BASH_SOURCE[0]}")/mirror.sh"

# A minimal Debian, as the real slim image is: no ca-certificates, no
# documentation, package lists empty. What it has from this machine:
# - its package mirrors (the .sources files);
# - its own certificate authorities, where a machine of this kind has them, in
#   /usr/local/share/ca-certificates: nothing trusts them until ca-certificates
#   is installed, and then everything that uses the system's bundle does.
make_debian() {
  command -v debootstrap >/dev/null || {
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends debootstrap >/dev/null
  }
  local mirror root
  mirror=$(mirror)
  [ -n "$mirror" ] || fail "no package mirror in /etc/apt"
  scratch=$(mktemp -d)
  root=$scratch/root
  debootstrap --variant=minbase "$suite" "$root" "$mirror" >"$scratch/log" 2>&1 || { tail -n 20 "$scratch/log" >&2; fail "debootstrap failed"; }

  rm -f "$root/etc/apt/sources.list"
  if ! cp /etc/apt/sources.list.d/debian.sources "$root/etc/apt/sources.list.d/" 2>/dev/null; then
    printf 'Types: deb\nURIs: %s\nSuites: %s %s-updates\nComponents: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n' \
      "$mirror" "$suite" "$suite" > "$root/etc/apt/sources.list.d/debian.sources"
  fi
  if compgen -G '/usr/local/share/ca-certificates/*.crt' >/dev/null; then
    mkdir -p "$root/usr/local/share/ca-certificates"
    cp /usr/local/share/ca-certificates/*.crt "$root/usr/local/share/ca-certificates/"
  fi
  # pip ships its own bundle; this makes it read the system's.
  printf '[global]\ncert = /etc/ssl/certs/ca-certificates.crt\n' > "$root/etc/pip.conf"

  # As the real image: no recommended-package surprises in caches, no docs; and
  # no complaint about a mirror snapshot's age or this machine's clock.
  cat > "$root/etc/apt/apt.conf.d/docker-standin" <<'CONF'
DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/archives/partial/*.deb /var/cache/apt/*.bin || true"; };
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
Acquire::Languages "none";
Acquire::GzipIndexes "true";
Acquire::Check-Valid-Until "false";
Acquire::Check-Date "false";
Apt::AutoRemove::SuggestsImportant "false";
CONF
  cat > "$root/etc/dpkg/dpkg.cfg.d/docker-standin" <<'CONF'
force-unsafe-io
path-exclude /usr/share/doc/*
path-include /usr/share/doc/*/copyright
path-exclude /usr/share/man/*
path-exclude /usr/share/info/*
path-exclude /usr/share/locale/*
path-include /usr/share/locale/locale.alias
CONF
  printf '#!/bin/sh\nexit 101\n' > "$root/usr/sbin/policy-rc.d"
  chmod 755 "$root/usr/sbin/policy-rc.d"
  find "$root/usr/share/doc" -type f ! -name copyright -delete
  rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/* "$root"/usr/share/man/* "$root"/usr/share/info/* \
    "$root"/usr/share/locale/[a-km-z]* "$root"/var/log/*.log "$root"/var/log/apt/* "$root"/etc/resolv.conf "$root"/etc/hostname
  tar -C "$root" --numeric-owner --exclude='./dev/*' -c . |
    docker import --change 'CMD ["bash"]' --change "LABEL ${label%=*}=${label#*=}" - "$(tag debian)" >/dev/null
  rm -rf "$scratch"
}

# The machine's stable toolchain, less its documentation, and its rustup.
make_rust() {
  need debian
  local toolchain rustup
  toolchain=$(rustc +stable --print sysroot 2>/dev/null || rustc --print sysroot) || fail "no Rust toolchain on this machine"
  rustup=$(readlink -f "$(command -v rustup)") || fail "no rustup on this machine"
  toolchain=$(readlink -f "$toolchain")
  tar --hard-dereference -c --exclude=share/doc --exclude=share/man \
      --transform "flags=r;s,^$(basename "$toolchain"),toolchain," \
      -C "$here/images/rust" Dockerfile \
      -C "$(dirname "$rustup")" "$(basename "$rustup")" \
      -C "$(dirname "$toolchain")" "$(basename "$toolchain")" |
    build rust -
}

make_postgres() { need debian; build postgres "$here/images/postgres"; }
make_redis() { need debian; build redis "$here/images/redis"; }
make_nginx() { need debian rust; build nginx --build-arg "RUST_IMAGE=$(tag rust)" "$here/images/nginx"; }
make_prometheus() { need debian; build prometheus "$here/images/prometheus"; }
make_mc() { need debian; build mc "$here/images/mc"; }
make_minio() { need debian rust mc; build minio --build-arg "RUST_IMAGE=$(tag rust)" --build-arg "MC_IMAGE=$(tag mc)" "$here/images/minio"; }

make() {
  local name=$1 began=$SECONDS
  say "$(tag "$name") ..."
  "make_$name"
  say "$(tag "$name") built in $((SECONDS - began)) s, $(docker image inspect --format '{{.Size}}' "$(tag "$name")" | numfmt --to=iec)"
}

rebuild=
list=
wanted=()
for a; do
  case $a in
    --rebuild) rebuild=1 ;;
    --list) list=1 ;;
    -h|--help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"; exit ;;
    *) [[ " ${names[*]} " == *" $a "* ]] || fail "unknown image '$a' (known: ${names[*]})"; wanted+=("$a") ;;
  esac
done
[ ${#wanted[@]} -gt 0 ] || wanted=("${names[@]}")

docker info >/dev/null 2>&1 || fail "the Docker engine is not reachable (install-engine.sh starts it)"
scratch=
trap '[ -z "$scratch" ] || rm -rf "$scratch"' EXIT

if [ -n "$list" ]; then
  for n in "${names[@]}"; do
    if have "$n"; then
      kind=$(docker image inspect --format "{{if index .Config.Labels \"${label%=*}\"}}stand-in{{else}}real{{end}}" "$(tag "$n")" 2>/dev/null || echo real)
    else
      kind=missing
    fi
    printf '%-9s %-50s %s\n' "$n" "$(tag "$n")" "$kind"
  done
  exit
fi

for n in "${wanted[@]}"; do
  if [ -z "$rebuild" ] && have "$n"; then
    say "$(tag "$n") exists"
  else
    make "$n"
  fi
done

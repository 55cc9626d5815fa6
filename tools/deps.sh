#!/usr/bin/env bash
# deps.sh build|demo|test|kafka|bench|console|package|deploy: installs the Debian packages that are missing, by name. Nothing to do: says nothing, touches nothing.
set -euo pipefail
build=(cmake ninja-build pkg-config gcc libc6-dev libuv1-dev libzstd-dev libjson-c-dev libpcre2-dev libyaml-dev libsqlite3-dev libssl-dev librdkafka-dev libmicrohttpd-dev libcurl4-openssl-dev libseccomp-dev libsystemd-dev zlib1g-dev libmaxminddb-dev tzdata)
tests=(clang libclang-rt-14-dev libcmocka-dev python3 zstd jq kcat clang-format clang-tidy nginx haproxy nftables prometheus-alertmanager python3-yaml systemd-journal-remote)
kafka=(openjdk-17-jre-headless maven openssl)
package=(dpkg-dev file)
want=("${build[@]}")
[ "${1:-build}" = demo ] && want+=(python3 zstd)
[ "${1:-build}" = test ] && want+=("${tests[@]}" "${kafka[@]}")
[ "${1:-build}" = bench ] && want+=(python3 zstd ripgrep)
[ "${1:-build}" = package ] && want+=("${package[@]}")
[ "${1:-build}" = deploy ] && want+=("${package[@]}" debootstrap systemd systemd-container iproute2 ca-certificates python3-venv python3-yaml) # what tests/deploy needs
[ "${1:-build}" = kafka ] && want=("${kafka[@]}")
if [ "${1:-}" = console ]; then # who has a node of his own keeps it: Debian's npm does not go with every other
  want=(fonts-dejavu-core libfaketime)
  command -v npm >/dev/null || want+=(nodejs npm)
  command -v chromium >/dev/null || want+=(chromium)
fi
missing=()
for p in "${want[@]}"; do
  dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'install ok installed' || missing+=("$p")
done
[ ${#missing[@]} -eq 0 ] && exit 0
root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "deps.sh: install these as root, then run again: ${missing[*]}" >&2; exit 3; }
  root=(sudo)
fi
echo "installing Debian packages: ${missing[*]}" >&2
"${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -qq >&2
"${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2

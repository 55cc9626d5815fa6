#!/usr/bin/env bash
# package.sh [RELEASE]: the three Debian packages into build/packages, from the release build, and what to type next.
# RELEASE stands behind the version (0.1.0-RELEASE; 1 when not given): a higher one is an upgrade of the same source.
set -euo pipefail
cd "$(dirname "$0")/.."
release=${1:-1}
[[ $release =~ ^[0-9][0-9A-Za-z.+~]*$ ]] || { echo "package.sh: $release: a release begins with a digit; letters, digits and .+~ may follow" >&2; exit 2; }
tools/deps.sh package
tests=(); [ -f build/release/build.ninja ] || tests=(-DDW_TESTS=OFF)
log=$(mktemp); trap 'rm -f "$log"' EXIT
umask 022
{
  cmake --preset release -DDW_PACKAGE_RELEASE="$release" "${tests[@]}" &&
    cmake --build --preset release --target dogwatch dogwatch-agent dogwatch-collector &&
    cpack --config build/release/CPackConfig.cmake
} >"$log" 2>&1 || { tail -30 "$log" >&2; exit 3; }
rm -rf build/packages/_CPack_Packages
version=$(sed -n 's/^set(CPACK_PACKAGE_VERSION "\(.*\)")$/\1/p' build/release/CPackConfig.cmake)-$release
ls -l --block-size=KiB build/packages/dogwatch-*_"$version"_*.deb | awk '{print $NF, $5}'
cat <<EOF
one host, no broker:
  sudo apt install ./build/packages/dogwatch-{agent,collector,tools}_${version}_*.deb
  sudo systemctl enable --now dogwatch-agent dogwatch-collector
  sudo dogwatch alerts --follow
a host of a fleet: dogwatch-agent and dogwatch-tools alone; docs/deploy/debian.md goes on from there
EOF

#!/usr/bin/env bash
# package.sh [RELEASE]: the three Debian packages into build/packages, from the build of release.sh, and what to type next.
# RELEASE stands behind the version (0.1.0-RELEASE; 1 when not given): a higher one is an upgrade of the same source.
set -euo pipefail
cd "$(dirname "$0")/.."
release=${1:-1}
[[ $release =~ ^[0-9][0-9A-Za-z.+~]*$ ]] || { echo "package.sh: $release: a release begins with a digit; letters, digits and .+~ may follow" >&2; exit 2; }
tools/deps.sh package
log=$(mktemp); trap 'rm -f "$log"' EXIT
umask 022
{
  tools/release.sh -DDW_PACKAGE_RELEASE="$release" && cpack --config build/shipped/CPackConfig.cmake
} >"$log" 2>&1 || { tail -30 "$log" >&2; exit 3; }
rm -rf build/packages/_CPack_Packages
version=$(sed -n 's/^set(CPACK_PACKAGE_VERSION "\(.*\)")$/\1/p' build/shipped/CPackConfig.cmake)-$release
ls -l --block-size=KiB build/packages/dogwatch-*_"$version"_*.deb | awk '{print $NF, $5}'
cat <<EOF
one host, no broker:
  sudo apt install ./build/packages/dogwatch-{agent,collector,tools}_${version}_*.deb
  sudo systemctl enable --now dogwatch-agent dogwatch-collector
  sudo dogwatch alerts --follow
a host of a fleet: dogwatch-agent and dogwatch-tools alone; docs/deploy/debian.md goes on from there
EOF

#!/usr/bin/env bash
# rootfs.sh agent|collector BUILD ROOT: makes the folder ROOT that is the whole image of one program, from the programs in BUILD.
#
# Idea: an image holds what the program opens and nothing more: itself, the libraries that the loader names, certificates, time zones, an account.
# No shell and no package manager, so nothing to keep current but these. The Dockerfile copies ROOT; tests/deploy/deploy_image.py runs it by chroot.
set -euo pipefail
program=${1:-} build=${2:-} root=${3:-}
source=$(cd "$(dirname "$0")/../.." && pwd)
{ [ "$program" = agent ] || [ "$program" = collector ]; } && [ -x "$build/dogwatch-$program" ] && [ -n "$root" ] && [ ! -e "$root" ] ||
  { echo "usage: rootfs.sh agent|collector BUILD ROOT; BUILD has the programs, ROOT is not there yet" >&2; exit 2; }
umask 022
mkdir -p "$root"/{etc/ssl/certs,etc/dogwatch,usr/bin,usr/share,var/lib/dogwatch,var/log,var/tmp,tmp,proc,dev}
chmod 1777 "$root/tmp" "$root/var/tmp"

add() { # a program with what it is linked to, each library where the loader looks for it
  local to=$root/usr/bin/${1##*/} lib
  strip -o "$to" "$1"
  ldd "$1" | grep -o '/[^ ]*' | while read -r lib; do
    [ -e "$root$lib" ] || install -D -m 755 "$(readlink -f "$lib")" "$root$lib"
  done
}
add "$build/dogwatch-$program"
if [ "$program" = collector ]; then # and what one asks it with
  add "$build/dogwatch"
  mkdir "$root/usr/share/dogwatch" && cp -r "$source/rules" "$root/usr/share/dogwatch/rules"
fi

cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
mkdir -p "$root/usr/lib/ssl" && ln -s /etc/ssl/certs "$root/usr/lib/ssl/certs" && ln -s /etc/ssl/certs/ca-certificates.crt "$root/usr/lib/ssl/cert.pem" # where OpenSSL looks by itself
cp -r /usr/share/zoneinfo "$root/usr/share/zoneinfo"
rm -rf "$root"/usr/share/zoneinfo/{right,posix} # leap seconds that nobody's logs count, and copies
printf 'root:x:0:0::/:/sbin/nologin\ndogwatch:x:7117:7117::/var/lib/dogwatch:/sbin/nologin\n' >"$root/etc/passwd"
printf 'root:x:0:\ndogwatch:x:7117:\n' >"$root/etc/group"
echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
cp "$source/deploy/etc/$program.yml" "$root/etc/dogwatch/"
chmod 750 "$root/var/lib/dogwatch"
if [ "$program" = collector ]; then # the agent is root, who without capabilities writes only where he is the owner
  chown 7117:7117 "$root/var/lib/dogwatch" 2>/dev/null || echo "rootfs.sh: not root: /var/lib/dogwatch stays yours" >&2
fi
du -sk --apparent-size "$root" | awk -v p="$program" '{printf "%s: %.1f MB\n", p, $1 * 1024 / 1e6}'

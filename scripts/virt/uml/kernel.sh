#!/bin/bash
# User-mode Linux and its modules, from Debian's package, downloaded and unpacked, not installed.
set -euo pipefail

usage() {
  cat <<'USAGE'
Usage: kernel.sh

Unpacks the kernel into a folder below ${XDG_CACHE_HOME:-~/.cache}/pdisk unless it is there already, and prints that folder; it
holds kernel and modules. The package is kept. Any number of these may run at once.

Ends with status 69 if the package cannot be had. Needs apt-get, dpkg-deb.
USAGE
}

case ${1:-} in
  -h | --help) usage; exit ;;
  '') ;;
  *) usage >&2; exit 2 ;;
esac
cache=${XDG_CACHE_HOME:-$HOME/.cache}/pdisk
image=$cache/uml-$(sha256sum < "$0" | cut -c1-12)
if [ -d "$image" ]; then echo "$image"; exit; fi
mkdir -p "$cache"
exec 9> "$cache/lvm-guest.lock"
flock 9
if [ -d "$image" ]; then echo "$image"; exit; fi

work=$(mktemp -d "$cache/.new-XXXXXX")
trap 'rm -rf "$work"' EXIT
if [ ! -e "$cache/lvm-kernel.deb" ]; then
  mkdir "$work/deb"
  # Not as the user _apt, who may not write to a folder of root's.
  (cd "$work/deb" && apt-get -q -o APT::Sandbox::User=root download user-mode-linux) > "$work/apt.log" 2>&1 || {
    echo "kernel.sh: Debian's package user-mode-linux could not be downloaded: $(tail -n 1 "$work/apt.log")" >&2
    exit 69
  }
  sync "$work"/deb/*.deb
  mv "$work"/deb/*.deb "$cache/lvm-kernel.deb"
fi
dpkg-deb -x "$cache/lvm-kernel.deb" "$work/unpacked"
mkdir "$work/image"
mv "$work/unpacked/usr/bin/linux.uml" "$work/image/kernel"
mv "$work/unpacked/usr/lib/uml/modules" "$work/image/modules"
sync -f "$work/image"
mv -T "$work/image" "$image"
echo "$image"

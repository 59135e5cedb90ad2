#!/bin/bash
# The tiny guest: Debian's cloud kernel, downloaded and unpacked, not installed, and an initramfs of busybox,
# guest-init.sh and the few modules that it needs.
set -euo pipefail

usage() {
  cat <<'USAGE'
Usage: guest-image.sh [DIR]

Builds the tiny guest in a folder below DIR (default: ${XDG_CACHE_HOME:-~/.cache}/pdisk) unless it is there already, and
prints that folder; it holds vmlinuz and initrd.gz. The kernel's package is kept in DIR, so that a change of the
initramfs needs no network. Any number of these may run at once.

Needs apt-get, dpkg-deb, busybox-static, cpio, kmod.
USAGE
}

case ${1:-} in -h | --help) usage; exit ;; esac
here=$(dirname "$(realpath "$0")")
cache=${1:-${XDG_CACHE_HOME:-$HOME/.cache}/pdisk}
mkdir -p "$cache"
cache=$(realpath "$cache")
recipe=$(cat "$0" "$here/guest-init.sh" /bin/busybox | sha256sum | cut -c1-12)
image=$cache/guest-$recipe

if [ ! -d "$image" ]; then
  exec 9> "$cache/guest.lock"
  flock 9
fi
if [ -d "$image" ]; then echo "$image"; exit; fi

work=$(mktemp -d "$cache/.new-XXXXXX")
trap 'rm -rf "$work"' EXIT

if [ ! -e "$cache/kernel.deb" ]; then
  package=$(apt-cache depends linux-image-cloud-amd64 2>/dev/null | awk '/Depends: linux-image/ { print $2; exit }')
  [ -n "$package" ] || { echo "guest-image.sh: apt knows no linux-image-cloud-amd64; run 'apt-get update' first" >&2; exit 1; }
  mkdir "$work/deb"
  # Not as the user _apt, who may not write to a folder of root's.
  (cd "$work/deb" && apt-get -q -o APT::Sandbox::User=root download "$package" > "$work/apt.log" 2>&1) || {
    cat "$work/apt.log" >&2
    echo "guest-image.sh: could not download $package" >&2
    exit 1
  }
  sync "$work"/deb/*.deb
  mv "$work"/deb/*.deb "$cache/kernel.deb"
fi

dpkg-deb -x "$cache/kernel.deb" "$work/kernel"
version=$(ls "$work/kernel/lib/modules")
depmod -b "$work/kernel" "$version"

root=$work/root
mkdir -p "$root"/{bin,dev,proc,sys,modules}
cp /bin/busybox "$root/bin/busybox"
ln -s busybox "$root/bin/sh"
install -m 0755 "$here/guest-init.sh" "$root/init"
for module in virtio_pci virtio_blk crc32c_generic ext4; do
  modprobe -d "$work/kernel" -S "$version" --show-depends "$module"
done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' | while read -r file; do
  cp "$file" "$root/modules/"
  basename "$file" >> "$root/modules/order"
done

mkdir "$work/image"
cp "$work/kernel/boot/vmlinuz-$version" "$work/image/vmlinuz"
(cd "$root" && find . | cpio -o -H newc --quiet | gzip -6) > "$work/image/initrd.gz"
sync "$work"/image/*
mv -T "$work/image" "$image"
echo "$image"

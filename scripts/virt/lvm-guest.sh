#!/bin/bash
# A throw-away guest whose kernel has device-mapper, for machines whose own kernel has none: real LVM runs in there.
#
# Hazards that shaped this file:
# - The guest's root is this machine's own / (virtiofs, read-only below an overlay in memory): Node, lvm2 and the checkout are
#   simply there, and nothing that runs inside can change a file out here. There is no network.
# - There is no udevd in there: LVM is told not to wait for one, and makes its device nodes by itself.
# - Whatever ends this script, SIGKILL included, ends QEMU and virtiofsd with it (--pdeathsig).
set -euo pipefail

usage() {
  cat <<'USAGE'
Usage: lvm-guest.sh [-c CPUS] [-m MIB] [-d SIZE]... [-t SECONDS] COMMAND [ARGUMENT...]
       lvm-guest.sh --prepare

Runs COMMAND as root in the current folder, in a guest with device-mapper; prints what it prints, ends with its status (124 if
the guest was not done in time). Its environment is empty but for PATH, HOME, XDG_CACHE_HOME, TERM and PDISK_LVM_GUEST=1.

  -c CPUS      2 by default
  -m MIB       memory, 3072 by default
  -d SIZE      a blank disk (/dev/vda, /dev/vdb, ...), for example 8G; occupies only what is written to it
  -t SECONDS   how long the guest may run, 900 by default
  --prepare    only builds what is needed, in ${XDG_CACHE_HOME:-~/.cache}/pdisk; the one step that may need a network

Needs root, qemu-system-x86, virtiofsd (qemu-system-common), busybox-static, cpio, kmod, lvm2.
USAGE
}

here=$(dirname "$(realpath "$0")")
cache=${XDG_CACHE_HOME:-$HOME/.cache}/pdisk
virtiofsd=/usr/lib/qemu/virtiofsd

# The kernel, its modules, and an initramfs that mounts the root. Prints the folder.
prepare() {
  local recipe image work root version
  recipe=$(cat "$0" /bin/busybox | sha256sum | cut -c1-12)
  image=$cache/lvm-guest-$recipe
  if [ -d "$image" ]; then echo "$image"; return; fi
  "$here/guest-image.sh" "$cache" > /dev/null
  exec 9> "$cache/lvm-guest.lock"
  flock 9
  if [ -d "$image" ]; then echo "$image"; return; fi

  work=$(mktemp -d "$cache/.new-XXXXXX")
  trap 'rm -rf "$work"' EXIT
  dpkg-deb -x "$cache/kernel.deb" "$work/kernel"
  version=$(ls "$work/kernel/lib/modules")
  depmod -b "$work/kernel" "$version"
  root=$work/root
  mkdir -p "$root"/{bin,dev,proc,sys,modules,host,memory,new}
  cp /bin/busybox "$root/bin/busybox"
  ln -s busybox "$root/bin/sh"
  for module in virtio_pci virtio_blk virtiofs overlay; do
    modprobe -d "$work/kernel" -S "$version" --show-depends "$module"
  done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' | while read -r file; do
    cp "$file" "$root/modules/"
    basename "$file" >> "$root/modules/order"
  done
  cat > "$root/init" <<'INIT'
#!/bin/sh
/bin/busybox mkdir -p /sbin && /bin/busybox --install -s /bin
mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t devtmpfs dev /dev
echo 0 > /proc/sys/kernel/printk
while read -r module; do insmod "/modules/$module"; done < /modules/order
mount -t virtiofs -o ro host /host
mount -t tmpfs -o size=80% memory /memory && mkdir /memory/upper /memory/work
mount -t overlay -o lowerdir=/host,upperdir=/memory/upper,workdir=/memory/work overlay /new
mkdir -p /new/proc /new/sys /new/dev /new/run /new/share
for folder in proc sys dev; do mount --move /$folder /new/$folder; done
mount -t tmpfs run /new/run
mount -t virtiofs share /new/share
exec switch_root /new /bin/bash /share/start
INIT
  chmod +x "$root/init"
  mkdir "$work/image"
  cp "$work/kernel/boot/vmlinuz-$version" "$work/image/vmlinuz"
  cp -r "$work/kernel/lib/modules" "$work/image/modules"
  (cd "$root" && find . | cpio -o -H newc --quiet | gzip -1) > "$work/image/initrd.gz"
  sync -f "$work/image"
  mv -T "$work/image" "$image"
  rm -rf "$work"
  trap - EXIT
  flock -u 9
  echo "$image"
}

cpus=2 memory=3072 seconds=900 sizes=()
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) usage; exit ;;
    --prepare) prepare > /dev/null; exit ;;
    -c) cpus=$2; shift 2 ;;
    -m) memory=$2; shift 2 ;;
    -d) sizes+=("$2"); shift 2 ;;
    -t) seconds=$2; shift 2 ;;
    -*) usage >&2; exit 2 ;;
    *) break ;;
  esac
done
[ $# -gt 0 ] || { usage >&2; exit 2; }

image=$(prepare)
version=$(ls "$image/modules")
work=$(mktemp -d /tmp/pdisk-lvm-XXXXXX)
daemons=()
end() {
  [ ${#daemons[@]} -eq 0 ] || kill -KILL "${daemons[@]}" 2> /dev/null || true
  rm -rf "$work"
}
trap end EXIT
trap 'exit 143' INT TERM HUP
mkdir "$work/share"

cat > "$work/share/start" <<START
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:$(dirname "$(command -v node)") HOME=$(printf %q "$HOME") XDG_CACHE_HOME=$(printf %q "$(dirname "$cache")") TERM=dumb PDISK_LVM_GUEST=1
mkdir -p /dev/pts /dev/shm /run/lvm /run/lock
mount -t devpts devpts /dev/pts
mount -t tmpfs shm /dev/shm
ip link set lo up
mkdir -p /lib/modules && ln -sfn "$image/modules/$version" "/lib/modules/$version"
modprobe -a dm-mod dm-thin-pool dm-snapshot loop
echo 'activation { udev_sync=0 udev_rules=0 monitoring=0 }' >> /etc/lvm/lvmlocal.conf
cd $(printf '%q' "$PWD")
$(printf '%q ' "$@") < /dev/null 2>&1 | cat # not a terminal
echo \${PIPESTATUS[0]} > /share/status
echo o > /proc/sysrq-trigger
sleep 60
START

serve() {
  setpriv --pdeathsig KILL "$virtiofsd" --socket-path="$work/$1.sock" -o source="$2" -o "cache=$3" -o sandbox=chroot \
    > "$work/$1.log" 2>&1 < /dev/null &
  daemons+=($!)
}
serve host / always
serve share "$work/share" auto
for ((i = 0; i < 500; i++)); do
  if [ -S "$work/host.sock" ] && [ -S "$work/share.sock" ]; then break; fi
  sleep 0.02
done

disks=()
for index in "${!sizes[@]}"; do
  truncate -s "${sizes[$index]}" "$work/disk$index.img"
  disks+=(-drive "file=$work/disk$index.img,format=raw,if=virtio,cache=unsafe,discard=unmap,detect-zeroes=unmap")
done
setpriv --pdeathsig KILL timeout -s KILL "$seconds" setpriv --pdeathsig KILL qemu-system-x86_64 \
  -accel tcg,thread=multi -cpu max -M q35 -m "$memory" -smp "$cpus" -nodefaults -display none -no-reboot \
  -object "memory-backend-memfd,id=memory,size=${memory}M,share=on" -numa node,memdev=memory \
  -chardev "socket,id=host,path=$work/host.sock" -device vhost-user-fs-pci,chardev=host,tag=host \
  -chardev "socket,id=share,path=$work/share.sock" -device vhost-user-fs-pci,chardev=share,tag=share \
  "${disks[@]}" -serial stdio -monitor none -kernel "$image/vmlinuz" -initrd "$image/initrd.gz" \
  -append 'console=ttyS0 quiet panic=-1 mitigations=off random.trust_cpu=on' < /dev/null > >(stdbuf -o0 tr -d '\r') &
# A signal is only heard in `wait`, not while a program runs in the foreground.
guest=$!
daemons+=("$guest")
wait "$guest" || true
exit "$(cat "$work/share/status" 2> /dev/null || echo 124)"

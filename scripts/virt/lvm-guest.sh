#!/bin/bash
# A throw-away guest whose kernel has device-mapper, for machines whose own kernel has none: real LVM runs in there.
#
# Hazards that shaped this file:
# - Software emulation makes Node twenty times slower. The kernel here is a program itself (User-mode Linux), on which others
#   run as fast as they do out here; it has one processor.
# - The guest's root is this machine's own / (hostfs, read-only below an overlay in memory): Node, lvm2 and the checkout are
#   simply there, and nothing that runs inside can change a file out here. There is no network.
# - There is no udevd in there: LVM is told not to wait for one, and makes its device nodes by itself.
# - Whatever ends this script, SIGKILL included, ends the guest with it: it is in a PID namespace of its own, whose first
#   process gets SIGKILL then (--pdeathsig, --kill-child).
set -euo pipefail

usage() {
  cat <<'USAGE'
Usage: lvm-guest.sh [-m MIB] [-d SIZE]... [-t SECONDS] COMMAND [ARGUMENT...]
       lvm-guest.sh --prepare

Runs COMMAND as root in the current folder, in a guest with device-mapper; prints what it prints, ends with its status (124 if
the guest was not done in time). Its environment is empty but for PATH, HOME, XDG_CACHE_HOME, TERM and PDISK_LVM_GUEST=1.

  -m MIB       memory, 3072 by default
  -d SIZE      a blank disk (/dev/ubda, /dev/ubdb, ...), for example 8G; occupies only what is written to it
  -t SECONDS   how long the guest may run, 900 by default
  --prepare    only builds what is needed, in ${XDG_CACHE_HOME:-~/.cache}/pdisk; the one step that may need a network

Needs root, apt-get, dpkg-deb, kmod, lvm2.
USAGE
}

cache=${XDG_CACHE_HOME:-$HOME/.cache}/pdisk

# The kernel and its modules, downloaded and unpacked, not installed. Prints the folder.
prepare() {
  local image work
  image=$cache/lvm-guest-$(declare -f prepare | sha256sum | cut -c1-12)
  if [ -d "$image" ]; then echo "$image"; return; fi
  mkdir -p "$cache"
  exec 9> "$cache/lvm-guest.lock"
  flock 9
  if [ -d "$image" ]; then echo "$image"; return; fi

  work=$(mktemp -d "$cache/.new-XXXXXX")
  trap 'rm -rf "$work"' EXIT
  if [ ! -e "$cache/lvm-kernel.deb" ]; then
    mkdir "$work/deb"
    # Not as the user _apt, who may not write to a folder of root's.
    (cd "$work/deb" && apt-get -q -o APT::Sandbox::User=root download user-mode-linux > "$work/apt.log" 2>&1) || {
      cat "$work/apt.log" >&2
      echo "lvm-guest.sh: could not download user-mode-linux" >&2
      exit 1
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
  rm -rf "$work"
  trap - EXIT
  flock -u 9
  echo "$image"
}

memory=3072 seconds=900 sizes=()
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) usage; exit ;;
    --prepare) prepare > /dev/null; exit ;;
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
guest=
end() {
  [ -z "$guest" ] || kill -KILL "$guest" 2> /dev/null || true
  rm -rf "$work"
}
trap end EXIT
trap 'exit 143' INT TERM HUP
mkdir "$work"/{share,memory,uml}

# Process 1 on the machine's own /, which it leaves for the overlay.
cat > "$work/init" <<INIT
#!/bin/bash
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
mount -n -t tmpfs -o size=80% memory $work/memory
cd $work/memory
mkdir upper work new
insmod $image/modules/$version/kernel/fs/overlayfs/overlay.ko
mount -n -t overlay -o lowerdir=/,upperdir=upper,workdir=work overlay new
cd new
mkdir -p share old
mount -n --move /dev dev
mount -n -t proc proc proc
mount -n -t sysfs sysfs sys
mount -n -t tmpfs run run
mount -n -t hostfs -o $work/share share share
pivot_root . old
exec chroot . /bin/bash /share/start
INIT
chmod +x "$work/init"

cat > "$work/share/start" <<START
echo > /share/started
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:$(dirname "$(command -v node)") HOME=$(printf %q "$HOME") XDG_CACHE_HOME=$(printf %q "$(dirname "$cache")") TERM=dumb PDISK_LVM_GUEST=1
exec > /dev/ttyS0 2>&1
stty raw < /dev/ttyS0
mkdir -p /dev/pts /dev/shm /run/lvm /run/lock
mount -t devpts devpts /dev/pts
mount -t tmpfs shm /dev/shm
ip link set lo up
mkdir -p /lib/modules && ln -sfn "/old$image/modules/$version" "/lib/modules/$version"
modprobe -a dm-mod dm-thin-pool dm-snapshot loop
echo 'activation { udev_sync=0 udev_rules=0 monitoring=0 }' >> /etc/lvm/lvmlocal.conf
cd $(printf '%q' "$PWD")
$(printf '%q ' "$@") < /dev/null 2>&1 | cat # not a terminal
echo \${PIPESTATUS[0]} > /share/status
stty sane < /dev/ttyS0 # waits until all is printed
echo o > /proc/sysrq-trigger
sleep 60
START

# In one sentence, and then what the kernel said at last.
why_no_status() {
  local log=$work/kernel.log why
  if [ -e "$work/share/started" ]; then
    why="the guest ended too early, or was not done after $seconds s"
  elif grep -q ptrace: "$log"; then
    why="User-mode Linux, the guest's kernel, cannot run on this machine: it needs ptrace, which is not permitted here"
  elif grep -q 'must be not mounted noexec' "$log"; then
    why="User-mode Linux, the guest's kernel, cannot run on this machine: its memory is a file in /dev/shm, which is mounted noexec"
  else
    why="User-mode Linux, the guest's kernel, did not come up within $SECONDS s"
  fi
  echo "lvm-guest.sh: $why; it said:"
  tail -n 20 "$log" | sed 's/^/  /'
}

disks=()
for index in "${!sizes[@]}"; do
  truncate -s "${sizes[$index]}" "$work/disk$index.img"
  disks+=("ubd$index=$work/disk$index.img")
done
setpriv --pdeathsig KILL unshare --pid --fork --kill-child timeout -s KILL "$seconds" \
  "$image/kernel" "mem=${memory}M" rootfstype=hostfs root=/dev/root rootflags=/ ro "init=$work/init" "${disks[@]}" \
  "uml_dir=$work/uml/" con=null ssl=null ssl0=null,fd:3 < /dev/null 3>&1 > "$work/kernel.log" 2>&1 &
# A signal is only heard in `wait`, not while a program runs in the foreground.
guest=$!
wait "$guest" || true
[ -s "$work/share/status" ] || { why_no_status >&2; exit 124; }
exit "$(cat "$work/share/status")"

#!/bin/bash
# A throw-away guest whose kernel has device-mapper, for hosts whose own kernel has none: real LVM runs in
# there.
#
# Hazards that shaped this file:
# - Software emulation makes Node twenty times slower. The kernel here is a program itself (User-mode Linux),
#   on which other programs run as fast as outside; it has one processor.
# - The guest's root is the host's own / (hostfs, read-only below an overlay in memory): Node, lvm2 and the
#   checkout are simply there, and nothing that runs inside can change a file outside. There is no network.
# - There is no udevd in the guest: LVM is told not to wait for one, and creates its device nodes itself.
# - Whatever ends this script, SIGKILL included, ends the guest with it: it is in a PID namespace of its own,
#   whose first process gets SIGKILL then (--pdeathsig, --kill-child).
set -euo pipefail

usage() {
  cat <<'USAGE'
Usage: lvm-guest.sh [-m MIB] [-d SIZE]... [-t SECONDS] [-p N] COMMAND [ARGUMENT...]
       lvm-guest.sh --prepare
       lvm-guest.sh --check

Runs COMMAND as root in the current folder, in a guest with device-mapper; prints what it prints, ends with its status. Its
environment is empty but for PATH, HOME, XDG_CACHE_HOME, TERM and PDISK_LVM_GUEST=1.

  -m MIB       memory, 3072 by default
  -d SIZE      a blank disk (/dev/ubda, /dev/ubdb, ...), for example 8G; occupies only what is written to it
  -t SECONDS   how long the guest may run, 900 by default
  -p N         which of this host's processors it has, counted from 0, modulo their number; guests that run at
               once need different ones
  --prepare    only builds what is needed, in ${XDG_CACHE_HOME:-~/.cache}/pdisk; the one step that may need a network
  --check      only checks whether such a guest can run on this host

Other statuses, each with a sentence: 69 this host cannot run such a guest, 70 the guest's kernel ended before
COMMAND, 124 the guest was not done in time.

Needs root, ptrace, apt-get, dpkg-deb, kmod, lvm2, perl; on some processors cc, too (see uml/xstate.c).
USAGE
}

here=$(dirname "$(realpath "$0")")
cache=${XDG_CACHE_HOME:-$HOME/.cache}/pdisk

# EX_UNAVAILABLE of sysexits.h: the host is at fault, not the guest.
unavailable() {
  echo "lvm-guest.sh: User-mode Linux, the guest's kernel, cannot run on this host: it needs $*" >&2
  exit 69
}

look_for_obstacles() {
  local program
  [ "$(id -u)" -eq 0 ] || unavailable root
  for program in apt-get dpkg-deb perl setpriv unshare findmnt lvm; do
    PATH=$PATH:/usr/sbin:/sbin command -v "$program" > /dev/null || unavailable "the program $program"
  done
  unshare --pid --fork true 2> /dev/null || unavailable "a PID namespace of its own, which is not permitted here"
  perl "$here/uml/xstate-size.pl" > /dev/null 2>&1 || unavailable "ptrace, which is not permitted here"
}

# The guest's memory is a file from which programs are executed; in /dev/shm if there is enough space. Prints
# its folder.
memory_folder() {
  local folder
  for folder in /dev/shm "$work"; do
    [ -w "$folder" ] && ! findmnt -n -o OPTIONS -T "$folder" | grep -qw noexec || continue
    [ "$(df --output=avail -B1M "$folder" | tail -n 1)" -ge "$memory" ] || continue
    echo "$folder"
    return
  done
  unavailable "$memory MiB of room in /dev/shm or /tmp, not mounted noexec"
}

# Pins the guest: its kernel and its programs alternate, which costs less on one processor than between two.
# Prints the processor number $1 of those that this process may use.
processor() {
  local range allowed=()
  for range in $(taskset -cp $$ | sed 's/.*: //; s/,/ /g'); do
    mapfile -t -O ${#allowed[@]} allowed < <(seq "${range%-*}" "${range#*-}")
  done
  echo "${allowed[$1 % ${#allowed[@]}]}"
}

memory=3072 seconds=900 sizes=() check= turn=$RANDOM
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) usage; exit ;;
    --prepare) "$here/uml/kernel.sh" > /dev/null; "$here/uml/preload.sh" > /dev/null; exit ;;
    --check) check=yes; shift; break ;;
    -m) memory=$2; shift 2 ;;
    -d) sizes+=("$2"); shift 2 ;;
    -t) seconds=$2; shift 2 ;;
    -p) turn=$2; shift 2 ;;
    -*) usage >&2; exit 2 ;;
    *) break ;;
  esac
done
[ -z "$check" ] || set -- true
[ $# -gt 0 ] || { usage >&2; exit 2; }

look_for_obstacles
image=$("$here/uml/kernel.sh")
preload=$("$here/uml/preload.sh")
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

# Process 1 on the host's own /, which it leaves for the overlay.
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

disks=()
for index in "${!sizes[@]}"; do
  truncate -s "${sizes[$index]}" "$work/disk$index.img"
  disks+=("ubd$index=$work/disk$index.img")
done
folder=$(memory_folder)
environment=("TMPDIR=$folder")
if [ -n "$preload" ]; then
  # A link without spaces and colons, which LD_PRELOAD would take for separators.
  ln -s "$preload" "$work/preload.so"
  environment+=("LD_PRELOAD=$work/preload.so${LD_PRELOAD:+:$LD_PRELOAD}")
fi
setpriv --pdeathsig KILL unshare --pid --fork --kill-child timeout -s KILL "$seconds" \
  taskset -c "$(processor "$turn")" env "${environment[@]}" "$image/kernel" "mem=${memory}M" rootfstype=hostfs root=/dev/root rootflags=/ ro "init=$work/init" "${disks[@]}" \
  "uml_dir=$work/uml/" con=null con0=null,fd:1 ssl=null ssl0=null,fd:3 < /dev/null 3>&1 > "$work/kernel.log" 2>&1 &
# A signal is only handled in `wait`, not while a program runs in the foreground.
guest=$!
status=0
begin=$SECONDS
wait "$guest" || status=$?
[ ! -s "$work/share/status" ] || exit "$(cat "$work/share/status")"

# The verdict in one sentence, followed by the last lines of the kernel.
if [ "$status" -eq 137 ] && [ $((SECONDS - begin)) -ge "$seconds" ]; then
  verdict=124 why="the guest was not done after $seconds s"
elif ! grep -q '^Linux version' "$work/kernel.log"; then
  verdict=69 why="User-mode Linux, the guest's kernel, cannot run on this host"
else
  verdict=70 why="User-mode Linux, the guest's kernel, ended before the command did"
fi
[ "$verdict" -eq 124 ] || [ "$status" -le 128 ] || why+=", by signal $(kill -l "$status")"
[ "$verdict" -eq 124 ] || [ "$status" -gt 128 ] || why+=", with status $status"
{
  echo "lvm-guest.sh: $why; it said at last:"
  tail -n 60 "$work/kernel.log" | tr -d '\r' | sed 's/^/  /'
} >&2
exit "$verdict"

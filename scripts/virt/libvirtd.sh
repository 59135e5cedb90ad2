#!/bin/bash
# A private libvirtd, for tests and the demo: without systemd, and without using or changing the host's own
# libvirt.
#
# Hazards that shaped this file:
# - libvirtd writes to /etc, /run, /var/lib, /var/log and /var/cache whatever its configuration says. It gets
#   a mount namespace of its own in which these five folders are bound to folders below DIR; the host only
#   sees that five empty mount points are created. A file system mounted on the host after the start is
#   invisible in there.
# - QEMUs are daemons: they outlive libvirtd, and the host's own pid 1 may take 2 s to reap one, which makes
#   every `virsh destroy` that much slower. In a PID namespace with a shell as pid 1 they are reaped at once,
#   and killing that shell kills libvirtd and every QEMU with it, so nothing is left over.
# - A test can be killed in the middle. `run` lives only as long as its standard input is open, and `unshare`
#   dies with its parent (--pdeathsig), so that no signal, not even SIGKILL, leaves a guest behind.
# - libvirtd would register its guests with systemd over D-Bus, by process ids that mean nothing outside: it
#   gets no bus.
# - All libvirtds of one host report the same host UUID, the one in its BIOS; here each has its own.
# - libvirt migrates no guest to a host with the same name: --host gives another one, in a UTS namespace.
set -euo pipefail

usage() {
  cat <<'USAGE'
Usage: libvirtd.sh run [OPTIONS] [--remove] DIR
                                            start it, print READY, end it when standard input is closed
       libvirtd.sh start [OPTIONS] DIR      start it in the background and wait until it answers
       libvirtd.sh restart DIR [SIGNAL]     end only libvirtd (SIGTERM), guests go on; wait for the next one
       libvirtd.sh signal DIR SIGNAL        send it a signal (STOP, CONT) and do not wait
       libvirtd.sh kill-guest DIR NAME      kill -9 the QEMU of a guest, and wait until it is gone
       libvirtd.sh stop DIR                 end libvirtd and every guest
       libvirtd.sh uri DIR                  print its URI
       libvirtd.sh namespace DIR            print the id of a process in its mount namespace

  --tcp PORT   also listen on 127.0.0.1:PORT, without authentication
  --tls PORT   also listen on 127.0.0.1:PORT for TLS; clients show certificates
  --pki DIR    the folder with server-cert.pem, server-key.pem and cacert.pem for --tls
  --conf LINE  a further line of libvirtd.conf; may be repeated
  --sasl DIR   the folder with libvirt.conf, the configuration of SASL
  --host NAME  a host name of its own, so that guests can migrate from one private libvirtd to another
  --remove     remove DIR at the end

DIR should be short: a socket's path has at most 107 bytes. Needs root.
USAGE
}

fail() { echo "libvirtd.sh: $*" >&2; exit 1; }

uri() { echo "qemu:///system?socket=$dir/sock/libvirt-sock"; }

answers() { virsh -q -c "$(uri)" version >/dev/null 2>&1; }

write_configuration() {
  mkdir -p "$dir"/{etc,run,lib,log,cache,sock}
  rm -f "$dir/stop" "$dir"/sock/*
  [ -e "$dir/host-uuid" ] || cat /proc/sys/kernel/random/uuid > "$dir/host-uuid"
  {
    printf 'unix_sock_dir = "%s/sock"\nunix_sock_group = "root"\n' "$dir"
    printf 'auth_unix_ro = "none"\nauth_unix_rw = "none"\n'
    printf 'host_uuid = "%s"\nlog_outputs = "3:file:%s/log/libvirtd.log"\n' "$(cat "$dir/host-uuid")" "$dir"
    [ -z "$tcp$tls" ] || printf 'listen_addr = "127.0.0.1"\n'
    [ -z "$tcp" ] || printf 'listen_tcp = 1\nauth_tcp = "none"\ntcp_port = "%s"\n' "$tcp"
    if [ -n "$tls" ]; then
      printf 'listen_tls = 1\ntls_port = "%s"\nca_file = "%s/cacert.pem"\n' "$tls" "$pki"
      printf 'cert_file = "%s/server-cert.pem"\nkey_file = "%s/server-key.pem"\n' "$pki" "$pki"
    else
      echo 'listen_tls = 0'
    fi
    [ -z "$conf" ] || printf '%s' "$conf"
  } > "$dir/etc/libvirtd.conf"
  cat > "$dir/etc/qemu.conf" <<'CONF'
user = "root"
group = "root"
dynamic_ownership = 0
remember_owner = 0
security_driver = "none"
cgroup_controllers = []
namespaces = []
stdio_handler = "file"
CONF
  cat > "$dir/pid1.sh" <<PID1
for d in etc:/etc run:/run lib:/var/lib log:/var/log cache:/var/cache; do
  mkdir -p "\${d#*:}/libvirt" && mount --bind "$dir/\${d%%:*}" "\${d#*:}/libvirt" || exit 1
done
# Clients that were started on the node itself, as virt-ssh-helper, look for the socket here.
ln -sf "$dir/sock/libvirt-sock" /run/libvirt/libvirt-sock
${host:+hostname '$host'}
${sasl:+export SASL_CONF_PATH='$sasl'}
export DBUS_SYSTEM_BUS_ADDRESS=unix:path=/nonexistent
while [ ! -e "$dir/stop" ]; do
  libvirtd ${listen:+--listen} -p /run/libvirt/libvirtd.pid >> "$dir/log/out" 2>&1
  [ -e "$dir/stop" ] || sleep 0.2
done
PID1
}

# Starts the namespaces as a child of this shell and leaves the id of `unshare` in $dir/unshare.pid. $1: the
# signal that it gets when this shell dies ("clear" for none).
launch() {
  getent passwd libvirt-qemu > /dev/null || fail "libvirtd needs the user libvirt-qemu; run 'scripts/bootstrap test'"
  write_configuration
  setpriv --pdeathsig "$1" setsid unshare --mount --pid --fork --mount-proc --kill-child ${host:+--uts} \
    bash "$dir/pid1.sh" < /dev/null > "$dir/log/pid1.out" 2>&1 &
  echo $! > "$dir/unshare.pid"
  disown # or this shell reports the kill
}

wait_until_it_answers() {
  local i
  for ((i = 0; i < 600; i++)); do
    if answers; then return; fi
    kill -0 "$(cat "$dir/unshare.pid")" 2>/dev/null || break
    sleep 0.05
  done
  tail -n 20 "$dir/log/pid1.out" "$dir/log/out" "$dir/log/libvirtd.log" >&2 2>/dev/null || true
  stop
  fail "libvirtd did not come up in $dir"
}

stop() {
  local pid i
  touch "$dir/stop" 2>/dev/null || true
  pid=$(cat "$dir/unshare.pid" 2>/dev/null) || return 0
  kill -KILL "$pid" 2>/dev/null || return 0
  # The death of pid 1 ends the whole namespace; its sockets and images are free only after that.
  for ((i = 0; i < 200; i++)); do
    case $(cut -d' ' -f3 "/proc/$pid/stat" 2>/dev/null) in '' | Z) break ;; esac
    sleep 0.02
  done
  rm -f "$dir/unshare.pid"
}

# The process id, in the outer namespace, of libvirtd. Guests are children of the same pid 1.
daemon_pid() {
  local shell pid children
  shell=$(cut -d' ' -f1 "/proc/$1/task/$1/children" 2>/dev/null) || return 1
  # The file has no newline at its end, which `read` reports as a failure.
  read -ra children < "/proc/$shell/task/$shell/children" || [ ${#children[@]} -gt 0 ] || return 1
  for pid in "${children[@]}"; do
    [ "$(cat "/proc/$pid/comm" 2>/dev/null)" != libvirtd ] || { echo "$pid"; return; }
  done
  return 1
}

restart() {
  local unshare before i
  unshare=$(cat "$dir/unshare.pid" 2>/dev/null) || fail "no libvirtd was started in $dir"
  before=$(daemon_pid "$unshare") || fail "no libvirtd runs in $dir"
  kill "-$1" "$before"
  for ((i = 0; i < 600; i++)); do
    if [ "$(daemon_pid "$unshare")" != "$before" ] && answers; then return; fi
    sleep 0.05
  done
  fail "libvirtd did not come back in $dir"
}

# The shell that is pid 1 of the namespaces.
namespace() {
  local unshare
  unshare=$(cat "$dir/unshare.pid" 2>/dev/null) || fail "no libvirtd was started in $dir"
  cut -d' ' -f1 "/proc/$unshare/task/$unshare/children"
}

# Runs a command in the namespaces, with the process ids that libvirt and its files know.
inside() {
  local shell
  shell=$(namespace)
  nsenter --target "$shell" --pid --mount "$@"
}

send_signal() {
  local pid
  pid=$(daemon_pid "$(cat "$dir/unshare.pid")") || fail "no libvirtd runs in $dir"
  kill "-$1" "$pid"
}

kill_guest() {
  inside bash -c 'pid=$(cat "/run/libvirt/qemu/$1.pid") && kill -KILL "$pid"; while kill -0 "$pid" 2> /dev/null; do sleep 0.02; done' _ "$1"
}

end_run() {
  trap - EXIT INT TERM HUP
  stop
  [ -z "$remove" ] || rm -rf "$dir"
}

run() {
  # Set before anything is started: a signal in the middle of the start must clean up, too.
  trap end_run EXIT
  trap 'exit 143' INT TERM HUP
  launch KILL
  wait_until_it_answers
  echo READY
  # Returns at end of file, which also comes when the process at the other end dies.
  while read -r _; do :; done
}

command=${1:-}
[ $# -eq 0 ] || shift
tcp='' tls='' pki='' conf='' sasl='' host='' remove=''
while [ $# -gt 0 ]; do
  case $1 in
    --tcp) tcp=${2:?--tcp needs a port}; shift 2 ;;
    --tls) tls=${2:?--tls needs a port}; shift 2 ;;
    --pki) pki=${2:?--pki needs a folder}; shift 2 ;;
    --conf) conf+=${2:?--conf needs a line}$'\n'; shift 2 ;;
    --sasl) sasl=${2:?--sasl needs a folder}; shift 2 ;;
    --host) host=${2:?--host needs a name}; shift 2 ;;
    --remove) remove=yes; shift ;;
    *) break ;;
  esac
done
case $command in
  -h | --help) usage; exit ;;
  run | start | restart | stop | uri | namespace) [ $# -ge 1 ] || { usage >&2; exit 2; } ;;
  signal | kill-guest) [ $# -eq 2 ] || { usage >&2; exit 2; } ;;
  *) usage >&2; exit 2 ;;
esac
dir=$(realpath -m "$1")
listen=$tcp$tls
[ -z "$tls" ] || [ -n "$pki" ] || fail "--tls needs --pki"
case $command in
  run) run ;;
  start) launch clear; wait_until_it_answers ;;
  restart) restart "${2:-TERM}" ;;
  signal) send_signal "$2" ;;
  kill-guest) kill_guest "$2" ;;
  stop) stop ;;
  uri) uri ;;
  namespace) namespace ;;
esac

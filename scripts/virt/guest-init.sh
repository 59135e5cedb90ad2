#!/bin/sh
# The whole user land of the tiny guest: process 1 of its initramfs.
#
# What it says on the serial console, one line each, written with one write so that lines never mix:
#   GUEST-READY name
#   DISK-UP dev serial=… sectors=…     a disk appeared or changed its size
#   DISK-GONE dev
#   OUT id base64                      a piece of what command id printed
#   EXIT id status                     command id ended
# What it reads there:  RUN id base64-of-a-shell-script   (at most 4095 bytes: a line of a terminal is no longer)
#
# For such scripts:  disk SERIAL    waits for the disk with that serial, prints its device
#                    unwilling      from now on requests to plug or unplug are ignored
#                    willing        and from now on no longer; what was asked in between has to be asked again
/bin/busybox mkdir -p /bin /sbin /usr/bin /usr/sbin /mnt /tmp
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
echo 0 > /proc/sys/kernel/printk
while read -r module; do insmod "/modules/$module"; done < /modules/order

# The guest sees only the first 20 characters of a serial.
cat > /bin/disk <<'DISK'
#!/bin/sh
wanted=$(echo "$1" | cut -c1-20)
i=0
while [ $i -lt 200 ]; do
  for d in /sys/block/vd*; do
    [ -e "$d/serial" ] && [ "$(cat "$d/serial")" = "$wanted" ] && echo "/dev/${d##*/}" && exit 0
  done
  i=$((i + 1)); sleep 0.1
done
echo "no disk with serial $wanted" >&2
exit 1
DISK
# QEMU's requests to plug and unplug reach the kernel as ACPI events; without this event nobody hears of them.
echo 'echo disable > /sys/firmware/acpi/interrupts/gpe01' > /bin/unwilling
echo 'echo enable > /sys/firmware/acpi/interrupts/gpe01' > /bin/willing
chmod +x /bin/disk /bin/unwilling /bin/willing

grep -qw unwilling /proc/cmdline && unwilling

watch_disks() {
  known=''
  while :; do
    now=''
    for d in /sys/block/vd*; do
      [ -e "$d" ] || continue
      read -r sectors < "$d/size" || continue
      dev=${d##*/}
      now="$now $dev:$sectors"
      case "$known " in
        *" $dev:$sectors "*) ;;
        *) echo "DISK-UP $dev serial=$(cat "$d/serial" 2> /dev/null) sectors=$sectors" ;;
      esac
    done
    for k in $known; do
      [ -e "/sys/block/${k%%:*}" ] || echo "DISK-GONE ${k%%:*}"
    done
    known=$now
    sleep 0.2
  done
}

run() {
  echo "$2" | base64 -d > "/tmp/$1.sh"
  sh "/tmp/$1.sh" < /dev/null > "/tmp/$1.out" 2>&1
  status=$?
  base64 "/tmp/$1.out" | while read -r line; do echo "OUT $1 $line"; done
  rm -f "/tmp/$1.sh" "/tmp/$1.out"
  echo "EXIT $1 $status"
}

exec < /dev/ttyS0 > /dev/ttyS0 2>&1
stty -echo
echo "GUEST-READY $(sed -n 's/.*guest=\([^ ]*\).*/\1/p' /proc/cmdline)"
watch_disks &
while :; do
  while read -r verb id script; do
    [ "$verb" = RUN ] && run "$id" "$script" &
  done
  sleep 0.2
done

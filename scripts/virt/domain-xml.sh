#!/bin/bash
# The domain XML of a tiny guest. In a VM of type q35, each disk that is to be hot-plugged needs a
# pcie-root-port of its own, and a VM without ACPI never releases a disk. Always type='qemu' (emulation):
# there may be no usable KVM.
#
# The serial console: a line written to CONSOLE.in (a fifo) reaches the guest; its output is appended to
# CONSOLE.log, also over restarts of the domain. QEMU needs a CONSOLE.out as well; it is a link to /dev/null,
# because a fifo without a reader would fill up and stop the guest.
set -euo pipefail

usage() {
  cat <<'USAGE'
Usage: domain-xml.sh [--uuid UUID] [--ports N] [--disks XML] [--unwilling | --no-os] NAME IMAGE CONSOLE

Prints the domain XML of guest NAME, which boots from the folder IMAGE (see guest-image.sh), and makes the files of its
serial console: CONSOLE.in, CONSOLE.out, CONSOLE.log.

  --ports N     how many disks can be hot-plugged (6)
  --disks XML   disk elements to boot with
  --unwilling   the guest ignores requests to plug and unplug
  --no-os       there is nothing to boot: the VM runs, without a guest in it
USAGE
}

uuid='' ports=6 disks='' unwilling='' os=yes
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) usage; exit ;;
    --uuid) uuid=$2; shift 2 ;;
    --ports) ports=$2; shift 2 ;;
    --disks) disks=$2; shift 2 ;;
    --unwilling) unwilling=' unwilling'; shift ;;
    --no-os) os=''; shift ;;
    *) break ;;
  esac
done
[ $# -eq 3 ] || { usage >&2; exit 2; }
name=$1 image=$(realpath "$2") console=$(realpath -m "$3")
[[ $name =~ ^[A-Za-z0-9._-]+$ ]] || { echo "domain-xml.sh: '$name' is no name for a guest" >&2; exit 2; }

[ -p "$console.in" ] || mkfifo -m 0600 "$console.in"
ln -sfn /dev/null "$console.out"
touch "$console.log"

boot=''
[ -z "$os" ] || boot="<kernel>$image/vmlinuz</kernel><initrd>$image/initrd.gz</initrd>
    <cmdline>console=ttyS0 quiet panic=-1 mitigations=off guest=$name$unwilling</cmdline>"
root_ports=''
for ((i = 0; i < ports; i++)); do root_ports+="<controller type='pci' model='pcie-root-port'/>"; done
cat <<XML
<domain type='qemu'>
  <name>$name</name>${uuid:+<uuid>$uuid</uuid>}
  <memory unit='MiB'>128</memory><vcpu>1</vcpu>
  <os>
    <type arch='x86_64' machine='q35'>hvm</type>
    $boot
  </os>
  <features><acpi/></features>
  <on_poweroff>destroy</on_poweroff><on_reboot>restart</on_reboot><on_crash>destroy</on_crash>
  <devices>
    <controller type='usb' model='none'/>
    <controller type='pci' model='pcie-root'/>$root_ports
    <memballoon model='none'/>
    <serial type='pipe'><source path='$console'/><log file='$console.log' append='on'/><target port='0'/></serial>
    $disks
  </devices>
</domain>
XML

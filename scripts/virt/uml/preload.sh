#!/bin/bash
# Prepares User-mode Linux for processors whose register state is larger than it knows: see xstate.c.
set -euo pipefail

usage() {
  cat <<'USAGE'
Usage: preload.sh            prints the library that User-mode Linux must preload on this processor, if it must; compiles it first,
                             into ${XDG_CACHE_HOME:-~/.cache}/pdisk, unless it is there
       preload.sh --needed   ends with status 0 if it must, 1 if not

PDISK_UML_XSTATE=always or never says so in the processor's place. Needs perl, and cc only where the processor needs it.
USAGE
}

# sizeof(fp_regs) in Debian 12's User-mode Linux.
known=2696

here=$(dirname "$(realpath "$0")")

is_needed() {
  local bytes
  case ${PDISK_UML_XSTATE:-} in
    always) return 0 ;;
    never) return 1 ;;
  esac
  # Without ptrace there is no User-mode Linux; lvm-guest.sh reports that.
  bytes=$(perl "$here/xstate-size.pl" 2> /dev/null) || return 1
  [ "$bytes" -gt "$known" ]
}

new=
compile() {
  local cache library
  cache=${XDG_CACHE_HOME:-$HOME/.cache}/pdisk
  library=$cache/uml-xstate-$(sha256sum < "$here/xstate.c" | cut -c1-12).so
  if [ ! -e "$library" ]; then
    mkdir -p "$cache"
    trap 'rm -f "$new"' EXIT
    new=$(mktemp "$cache/.new-XXXXXX")
    cc -O2 -shared -fPIC -o "$new" "$here/xstate.c" -ldl || {
      echo "preload.sh: this processor's register state is larger than User-mode Linux knows, and the library that helps could not be compiled; it needs gcc and libc6-dev" >&2
      exit 1
    }
    mv "$new" "$library"
  fi
  echo "$library"
}

case ${1:-} in
  -h | --help) usage ;;
  --needed) is_needed ;;
  '') ! is_needed || compile ;;
  *) usage >&2; exit 2 ;;
esac

// A ptrace for Debian 12's User-mode Linux (kernel 6.1), preloaded where the processor's register state is
// larger than the 2696 bytes that this kernel was built for (Intel's AMX, from Sapphire Rapids on). The
// host's kernel only accepts the whole state: PTRACE_SETREGSET of less answers EFAULT, and User-mode Linux's
// first process dies ("put_fp_registers failed"). This ptrace copies the part that User-mode Linux knows into
// the process's state, and writes the whole.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/uio.h>

// More than the state of any processor; with AMX it is 11 KiB.
enum { WHOLE = 1 << 16 };

long ptrace(enum __ptrace_request request, ...) {
  static long (*next)(enum __ptrace_request, ...);
  if (!next) next = dlsym(RTLD_NEXT, "ptrace");
  va_list args;
  va_start(args, request);
  pid_t pid = va_arg(args, pid_t);
  void *addr = va_arg(args, void *), *data = va_arg(args, void *);
  va_end(args);
  int gets = request == PTRACE_GETREGSET, sets = request == PTRACE_SETREGSET;
  if ((!gets && !sets) || addr != (void *)NT_X86_XSTATE) return next(request, pid, addr, data);

  static __thread char whole[WHOLE];
  struct iovec *theirs = data, ours = {whole, WHOLE};
  long result = next(PTRACE_GETREGSET, pid, addr, &ours);
  if (result) return result;
  size_t length = theirs->iov_len < ours.iov_len ? theirs->iov_len : ours.iov_len;
  if (gets) {
    memcpy(theirs->iov_base, whole, length);
    theirs->iov_len = length;
    return 0;
  }
  memcpy(whole, theirs->iov_base, length);
  return next(PTRACE_SETREGSET, pid, addr, &ours);
}

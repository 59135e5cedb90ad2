// A library to be preloaded that simulates a kernel whose register state (NT_X86_XSTATE) is XSTATE_BYTES
// long, whatever the processor's is. On reading, the real state is followed by a pattern. On writing, as in
// Linux, only the whole state is accepted, and it must contain the unchanged pattern. Calls of ptrace by
// syscall(2) behave in the same way.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>

// KEPT: the length of the state that User-mode Linux stores and writes back; after it the pattern must be
// unchanged.
enum { ROOM = 1 << 16, KEPT = 2696 };

static unsigned char pattern(size_t at) { return (unsigned char)(at * 7 + 1); }

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

  static unsigned char state[ROOM];
  size_t size = strtoul(getenv("XSTATE_BYTES"), NULL, 10);
  struct iovec *theirs = data, real = {state, ROOM};
  long result = next(PTRACE_GETREGSET, pid, addr, &real);
  if (result) return result;
  if (gets) {
    for (size_t at = real.iov_len; at < size; at++) state[at] = pattern(at);
    if (theirs->iov_len > size) theirs->iov_len = size;
    memcpy(theirs->iov_base, state, theirs->iov_len);
    return 0;
  }
  const unsigned char *given = theirs->iov_base;
  size_t from = real.iov_len > KEPT ? real.iov_len : KEPT;
  errno = EFAULT;
  if (theirs->iov_len != size) return -1;
  for (size_t at = from; at < size; at++) {
    if (given[at] != pattern(at)) return -1;
  }
  real.iov_base = theirs->iov_base;
  return next(PTRACE_SETREGSET, pid, addr, &real);
}

long syscall(long number, ...) {
  static long (*next)(long, ...);
  if (!next) next = dlsym(RTLD_NEXT, "syscall");
  va_list args;
  va_start(args, number);
  long a = va_arg(args, long), b = va_arg(args, long), c = va_arg(args, long);
  long d = va_arg(args, long), e = va_arg(args, long), f = va_arg(args, long);
  va_end(args);
  if (number != SYS_ptrace) return next(number, a, b, c, d, e, f);
  return ptrace((enum __ptrace_request)a, (pid_t)b, (void *)c, (void *)d);
}

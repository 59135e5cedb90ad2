// Does with a child what User-mode Linux does with each of its processes: reads as much of its register state
// as User-mode Linux knows, changes a register and writes the state back. Prints the number of bytes and the
// result of each step.
#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

// The size of the state that User-mode Linux knows, and the offset of XMM0 in it (Intel's manual, volume 1,
// 13.4).
enum { KNOWN = 2696, XMM0 = 160, STATE_BV = 512, SSE = 2 };

int main(void) {
  pid_t child = fork();
  if (child == 0) {
    ptrace(PTRACE_TRACEME, 0, NULL, NULL);
    raise(SIGSTOP);
    _exit(7);
  }
  int status;
  waitpid(child, &status, 0);

  unsigned char state[KNOWN], again[KNOWN];
  struct iovec vector = {state, KNOWN};
  if (ptrace(PTRACE_GETREGSET, child, (void *)NT_X86_XSTATE, &vector)) return 1;
  printf("got %zu\n", vector.iov_len);
  memset(state + XMM0, 0x5a, 16);
  state[STATE_BV] |= SSE;
  long set = ptrace(PTRACE_SETREGSET, child, (void *)NT_X86_XSTATE, &vector);
  printf("set %s\n", set ? strerror(errno) : "all");
  vector = (struct iovec){again, KNOWN};
  if (ptrace(PTRACE_GETREGSET, child, (void *)NT_X86_XSTATE, &vector)) return 1;
  printf("now %s\n", memcmp(state, again, vector.iov_len) ? "something else" : "the same");

  struct user_regs_struct registers;
  struct iovec others = {&registers, sizeof registers};
  long got = ptrace(PTRACE_GETREGSET, child, (void *)NT_PRSTATUS, &others);
  printf("other registers %zu\n", got ? 0 : others.iov_len / sizeof registers);
  ptrace(PTRACE_CONT, child, NULL, NULL);
  waitpid(child, &status, 0);
  printf("ended %d\n", WEXITSTATUS(status));
  return 0;
}

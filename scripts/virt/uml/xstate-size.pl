# Prints the size of the register state (NT_X86_XSTATE) that this host's kernel reads and writes by ptrace, in
# bytes. It is measured, because neither the processor's flags nor AT_MINSIGSTKSZ give exactly that size.
# Exits with 1 where ptrace is not permitted.
use strict;
use warnings;

use constant { SYS_PTRACE => 101, PTRACE_TRACEME => 0, PTRACE_GETREGSET => 0x4204, NT_X86_XSTATE => 0x202 };

my $child = fork // die "cannot fork: $!\n";
if ($child == 0) {
  exit 1 if syscall(SYS_PTRACE, PTRACE_TRACEME, 0, 0, 0) != 0;
  kill STOP => $$;
  exit 1;
}
waitpid $child, 0;
my $is_stopped = (${^CHILD_ERROR_NATIVE} & 0xff) == 0x7f;
my $state = "\0" x 65536;
my $iovec = pack 'PQ', $state, length $state;
my $got = $is_stopped ? syscall(SYS_PTRACE, PTRACE_GETREGSET, $child, NT_X86_XSTATE, $iovec) : -1;
if ($is_stopped) {
  kill KILL => $child;
  waitpid $child, 0;
}
exit 1 if $got != 0;
print +(unpack 'QQ', $iovec)[1], "\n";

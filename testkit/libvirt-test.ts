// Not in libvirtd.ts, because ava can only be imported by its own test processes.
import { execFileSync } from 'node:child_process';
import test, { type ExecutionContext } from 'ava';

function obstacle(programs: readonly string[]): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root';
  const missing = programs.find(program => {
    try {
      const env = { PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
      execFileSync('/bin/sh', ['-c', `command -v ${program}`], { stdio: 'ignore', env });
      return false;
    } catch {
      return true;
    }
  });
  return missing && `needs ${missing}`;
}

/** Declares serial tests that need root and programs of this computer. */
export interface RealTests {
  /** Declares one. Where a program is missing, the test is skipped with the reason in its title. */
  readonly test: (title: string, run: (t: ExecutionContext) => Promise<void>) => void;
  /** Starts what such tests need; does nothing where they are skipped. */
  readonly before: (start: () => Promise<void>) => void;
}

function realTests(programs: readonly string[]): RealTests {
  const why = obstacle(programs);
  if (why === undefined) {
    return { test: (title, run) => test.serial(title, run), before: start => test.serial.before(start) };
  }
  return { test: (title, run) => test.serial.skip(`${title} (${why})`, run), before: () => undefined };
}

const LIBVIRTD = ['libvirtd', 'virsh', 'qemu-system-x86_64', 'busybox', 'unshare', 'setpriv'];
const SSHD = ['sshd', 'ssh', 'ssh-keygen', 'setpriv', 'nc'];

/** For tests that need a real sshd. */
export const { test: sshTest, before: beforeSshTests } = realTests(SSHD);

/** For tests that need a real libvirtd that is reached by TLS and ssh. */
export const { test: remoteTest, before: beforeRemoteTests } = realTests([
  ...LIBVIRTD,
  ...SSHD,
  ...['openssl', 'nsenter', 'virt-ssh-helper'],
]);

/** For tests that need a real libvirtd that asks for SASL. */
export const { test: saslTest, before: beforeSaslTests } = realTests([...LIBVIRTD, 'openssl', 'saslpasswd2']);

/** For tests that need a real libvirtd. */
export const { test: libvirtTest, before: beforeLibvirtTests } = realTests(LIBVIRTD);

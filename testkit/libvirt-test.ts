// Not in libvirtd.ts, because ava can only be imported by its own test processes.
import { execFileSync } from 'node:child_process';
import test, { type ExecutionContext } from 'ava';

function obstacle(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root';
  const programs = ['libvirtd', 'virsh', 'qemu-system-x86_64', 'busybox', 'unshare', 'setpriv'];
  return programs
    .filter(program => {
      try {
        execFileSync('/bin/sh', ['-c', `command -v ${program}`], { stdio: 'ignore' });
        return false;
      } catch {
        return true;
      }
    })
    .map(program => `needs ${program}`)[0];
}

const why = obstacle();

/**
 * Declares a serial test that needs a real libvirtd. Where none can run, the test is skipped with the reason
 * in its title.
 */
export const libvirtTest: (title: string, run: (t: ExecutionContext) => Promise<void>) => void =
  why === undefined
    ? (title, run) => test.serial(title, run)
    : (title, run) => test.serial.skip(`${title} (${why})`, run);

/** Starts what such tests need; does nothing where they are skipped. */
export function beforeLibvirtTests(start: () => Promise<void>): void {
  if (why === undefined) test.serial.before(start);
}

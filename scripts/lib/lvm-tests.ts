// Real LVM needs a kernel with device-mapper: its tests run in guests that have one, or are skipped where no
// guest can run.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Tally } from './ava-report.ts';
import { fail, runAva } from './ava-run.ts';

/** The folder of these tests. */
export const LVM = 'test/lvm';
const lvmGuest = 'scripts/virt/lvm-guest.sh';
/** How many guests run at once; each has one processor. */
const GUESTS = 2;
/** EX_UNAVAILABLE of sysexits.h. */
const UNAVAILABLE = 69;

/**
 * Boots and saves the guests that some tests need, because booting them in the guest would take minutes.
 * Resolves with their folder.
 */
async function saveGuests(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'pdisk-saved-'));
  const saver = `${LVM}/support/save-guests.ts`;
  const saving = spawn('node', ['--import=tsx', saver, folder], { stdio: 'inherit' });
  const [status] = await once(saving, 'close');
  if (status !== 0) fail(saver, `ended with status ${status}`);
  return folder;
}

/** Whether a test file uses saved guests. */
const takesGuests = (file: string): boolean => file.includes('/story.test.');

/**
 * The test files among these arguments, or all files of the folder if it is one of them; the longest first.
 */
function filesOf(args: readonly string[]): readonly string[] {
  if (!args.includes(LVM)) return args.filter(arg => arg.startsWith(LVM));
  const longest = /\/(service|story|interrupted-wiping)\.test/;
  const files = readdirSync(LVM).filter(name => /\.test\.[jt]s$/.test(name));
  const paths = files.map(name => `${LVM}/${name}`);
  return [...paths.filter(path => longest.test(path)), ...paths.filter(path => !longest.test(path))];
}

/**
 * Runs these tests of test/lvm, built or from sources. Each file has a guest of its own, so that what one
 * kills or blocks affects no other.
 */
export async function runLvm(args: readonly string[], built: boolean): Promise<readonly Tally[]> {
  const trial = spawn(lvmGuest, ['--check'], { stdio: ['ignore', 'inherit', 'pipe'] });
  const [complaint, [status]] = await Promise.all([text(trial.stderr), once(trial, 'close')]);
  if (status !== 0) {
    const why = complaint.split('\n', 1)[0] ?? '';
    const environment = { PDISK_NO_LVM_GUEST: why };
    const tally = await runAva(args, { environment, built, maySkipAll: true });
    return status === UNAVAILABLE ? [tally] : [tally, fail(lvmGuest, complaint)];
  }
  const waiting = [...filesOf(args)];
  const saving = waiting.some(takesGuests) ? saveGuests() : undefined;
  const disks = ['-d', '100G', '-d', '40G', '-d', '40G'];
  const guest = [lvmGuest, '-t', '2400', ...disks];
  const options = ['--timeout=20m', ...args.filter(arg => !arg.startsWith(LVM))];
  const tallies: Tally[] = [];
  async function runSome(_: unknown, processor: number): Promise<void> {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      const environment = takesGuests(file) ? ['env', `PDISK_SAVED_GUESTS=${await saving}`] : [];
      const program = [...guest, '-p', String(processor), ...environment];
      tallies.push(await runAva([...options, file], { program, built }));
    }
  }
  try {
    await Promise.all(Array.from({ length: GUESTS }, runSome));
  } finally {
    if (saving) rmSync(await saving, { recursive: true });
  }
  return tallies;
}

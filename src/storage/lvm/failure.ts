// LVM has one exit status for nearly all failures (5, lvm(8)): its message decides (LC_ALL=C).
import { CommandError, NotStarted } from '../command.ts';

type LvmFailure =
  | 'not-found'
  | 'exists'
  | 'full'
  | 'busy'
  | 'moving'
  | 'partial'
  | 'missing'
  | 'not-started'
  | 'other';

const WORDS: readonly (readonly [LvmFailure, RegExp])[] = [
  // Also for a snapshot's origin, a mounted file system, or a device that a scanner has open.
  ['busy', /\bin use\b|Can't get lock|Resource temporarily unavailable|Device or resource busy|is locked/i],
  // The message for a volume that pvmove(8) moves, which may take hours.
  ['moving', /locked logical volume/],
  ['partial', /while PVs are missing|PVs? .*(?:missing|not found)/i],
  ['exists', /already exists in volume group/],
  [
    'full',
    /insufficient free space|Insufficient suitable|exceeds the size of thin pool|Cannot create new thin volume, free space/i,
  ],
  ['not-found', /Volume group "[^"]*" not found|Failed to find logical volume|Cannot process volume group/],
];

/**
 * The kind of a failed LVM command. `busy`: temporary, to be retried; `moving`: pvmove works on the volume;
 * `partial`: a physical volume is missing; `missing`: the program lvm is not installed or may not be run;
 * `not-started`: no process could be started, for lack of a resource.
 */
export function classify(error: unknown): LvmFailure {
  if (error instanceof NotStarted) return 'not-started';
  if (!(error instanceof CommandError)) return 'other';
  // setpriv's exit status if the program does not exist (127) or may not be run (126).
  if (error.status === 127 || error.status === 126) return 'missing';
  return WORDS.find(([, words]) => words.test(error.stderr))?.[0] ?? 'other';
}

// LVM has one exit status for nearly everything (5, lvm(8)): what went wrong is in its words, which LC_ALL=C keeps the same.
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
  // Also what it says of a snapshot's origin, a mounted file system, or a device that a scanner has open for a moment.
  ['busy', /\bin use\b|Can't get lock|Resource temporarily unavailable|Device or resource busy|is locked/i],
  // What it says of a volume that pvmove(8) has at work: that may take hours.
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
 * What a failed LVM command was about. `busy` may pass; `partial`: a physical volume is missing; `missing`: there is no such program;
 * `not-started`: none can be started at this moment.
 */
export function classify(error: unknown): LvmFailure {
  if (error instanceof NotStarted) return 'not-started';
  if (!(error instanceof CommandError)) return 'other';
  // What setpriv says of a program that is not there (127) or may not be run (126).
  if (error.status === 127 || error.status === 126) return 'missing';
  return WORDS.find(([, words]) => words.test(error.stderr))?.[0] ?? 'other';
}

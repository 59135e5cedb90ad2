// Counts the results in ava's own report, line by line. Not its TAP output: ava 7's TAP reporter crashes when
// a test process exits or times out, and then the results of all other tests are missing.

/** The line after which failures are reported in detail. */
export const DETAILS = '  ─';

/** The counts of a run. */
export interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** Reads ava's report line by line. */
export interface AvaReport {
  /** Takes the next line, without colours. */
  read(line: string): void;
  tally(): Tally;
  /** What failed, by title or in ava's words. */
  failures(): readonly string[];
  /** The titles of skipped tests. */
  skipped(): readonly string[];
}

/** A new reader for the report of one run. */
export function avaReport(): AvaReport {
  const failures: string[] = [];
  const skipped: string[] = [];
  let passed = 0;
  let neverRan = 0;
  let resultsAreOver = false;

  return {
    read(line) {
      // Values in the details may look like results.
      if (line === DETAILS) resultsAreOver = true;
      if (resultsAreOver) return;
      const [, mark, text = ''] = line.match(/^ {2}(✔|✘|- \[skip\]) (.*)$/) ?? [];
      if (mark === '✔') passed += 1;
      else if (mark === '- [skip]') skipped.push(text);
      else if (mark === '✘') {
        failures.push(text.replace(/^\[fail\]: /, ''));
        neverRan += Number(text.match(/^(\d+) tests? remaining in /)?.[1] ?? 1) - 1;
      }
    },
    tally: () => ({ passed, failed: failures.length + neverRan, skipped: skipped.length }),
    failures: () => failures,
    skipped: () => skipped,
  };
}

// Reads what `ava --tap` prints: https://testanything.org/tap-version-13-specification.html
//
// ava's own closing counts leave out some failures (a hook that failed), and its lines leave out others (tests that never
// ran because a hook before them failed), so the larger number of failures counts.

export interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export interface TapReader {
  /** Takes one line; answers what a person who watches should see of it, if anything. */
  read(line: string): string | undefined;
  /** The counts so far. */
  tally(): Tally;
  /** Each failure in full, as ava printed it. */
  failures(): readonly string[];
  /** The titles of skipped tests. */
  skipped(): readonly string[];
  /** Whether ava came to its end: without, tests may be missing. */
  complete(): boolean;
}

/** Starts to read one run of ava. */
export function tapReader(): TapReader {
  const failures: string[][] = [];
  const skipped: string[] = [];
  let passed = 0;
  let reportedFailures: number | undefined;
  let details: string[] | undefined;

  return {
    read(line) {
      const [, not, title = '', directive] = line.match(/^(not )?ok \d+ - (.*?)(?: # (SKIP|TODO))?$/) ?? [];
      if (title !== '' || directive !== undefined) {
        details = undefined;
        if (directive === 'SKIP') {
          skipped.push(title);
          return `  -  ${title} (skipped)`;
        }
        if (not === undefined) {
          passed += 1;
          return `  ok ${title}`;
        }
        details = [title];
        failures.push(details);
        return `  FAILED ${title}`;
      }
      const count = line.match(/^# fail (\d+)$/)?.[1];
      if (count !== undefined) reportedFailures = Number(count);
      else if (line.startsWith(' ')) details?.push(line);
      return undefined;
    },
    tally: () => ({
      passed,
      failed: Math.max(failures.length, reportedFailures ?? 0),
      skipped: skipped.length,
    }),
    failures: () => failures.map(lines => lines.join('\n')),
    skipped: () => skipped,
    complete: () => reportedFailures !== undefined,
  };
}

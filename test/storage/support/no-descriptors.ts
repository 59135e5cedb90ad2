// A program of its own, with few descriptors: prints as JSON the results of a command before, while and after
// it has used up all descriptors.
import { closeSync, openSync } from 'node:fs';
import { createRunner } from '../../../src/storage/command.ts';

const run = createRunner();
const { signal } = new AbortController();
const outcome = () => run('echo', ['done'], signal).then(String, (error: Error) => error.message);

const before = await outcome();
const taken: number[] = [];
try {
  for (;;) taken.push(openSync('/dev/null', 'r'));
} catch {
  // No descriptor is left.
}
const without = await outcome();
for (const descriptor of taken) closeSync(descriptor);
process.stdout.write(JSON.stringify({ before, without, after: await outcome() }));

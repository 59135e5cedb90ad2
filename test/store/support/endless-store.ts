// A program that runs until it is killed: it writes to the store in the folder argv[2] and prints the number
// of changes on disk after each.

import { writeSync } from 'node:fs';
import { recordKinds } from '../../../src/record-kinds.ts';
import { prefixes } from '../../../src/store/keys.ts';
import { kinds } from '../../../src/store/records.ts';
import { openStore } from '../../../src/store/store.ts';

const say = (word: string | number): void => void writeSync(1, `${word}\n`);

say('opening');
const store = await openStore({
  kinds: recordKinds,
  directory: process.argv[2] ?? '',
  onFailure: error => {
    throw error;
  },
});
let number = (await store.load(kinds.node)).length;
for (;;) {
  number += 1;
  const value = { v: 1, name: `n${number}`, hostUuid: 'x'.repeat(2000) };
  await store.commit([{ key: `${prefixes.node}${String(number).padStart(9, '0')}`, value }]);
  say(number);
}

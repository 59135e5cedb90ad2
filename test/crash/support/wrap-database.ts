// Boundaries around each batch of the database.
import { createRequire } from 'node:module';
import { around } from './counter.ts';

interface Batch {
  put(key: string, value: unknown): Batch;
  del(key: string): Batch;
  write(options: object): Promise<void>;
}

/** What is written, by the prefixes of the keys: `disk, event`. */
const contentsOf = (keys: readonly string[]): string =>
  [...new Set(keys.map(key => key.replace(/\/.*/, '')))].filter(kind => kind !== 'meta').join(', ');

/** Wraps chained batches of LevelDB, the only way in which the service writes. */
export function wrapDatabase(): void {
  const { Level } = createRequire(`${process.env.CRASH_MODULES}/`)('level');
  const make = Level.prototype.batch as (this: unknown) => Batch;
  Level.prototype.batch = function (this: unknown): Batch {
    const batch = make.call(this);
    const { put, del, write } = batch;
    const keys: string[] = [];
    const steps: ((target: Batch) => unknown)[] = [];
    batch.put = (key, value) => {
      keys.push(key);
      steps.push(target => target.put(key, value));
      return put.call(batch, key, value);
    };
    batch.del = key => {
      keys.push(key);
      steps.push(target => target.del(key));
      return del.call(batch, key);
    };
    let written = false;
    batch.write = options =>
      around(`batch (${contentsOf(keys)})`, () => {
        if (!written) {
          written = true;
          return write.call(batch, options);
        }
        const second = make.call(this);
        for (const step of steps) step(second);
        return second.write(options);
      });
    return batch;
  };
}

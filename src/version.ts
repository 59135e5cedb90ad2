import { readFileSync } from 'node:fs';

/** Where package.json is, relative to the source of this file and to its compiled form. */
const places = ['../package.json', '../../package.json'];

function read(): string {
  for (const place of places) {
    try {
      const { version }: { version: string } = JSON.parse(
        readFileSync(new URL(place, import.meta.url), 'utf8'),
      );
      return version;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  throw new Error('package.json is missing beside the program');
}

/** The version of pdisk; package.json is the only place that states it. */
export const version: string = read();

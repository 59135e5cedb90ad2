import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { HttpAnswer } from './http/answer.ts';
import { etagOf } from './http/versions.ts';

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** Where `npm run build` puts the pages, relative to this file as source and as compiled. */
const places = ['../../dist/web', '../../web'].map(place => fileURLToPath(new URL(place, import.meta.url)));

function pathOf(name: string): string {
  if (name === 'index.html') return '/inspect';
  if (name === 'docs.html') return '/api/docs';
  return name.startsWith('docs.') ? `/api/docs/${name}` : `/inspect/${name}`;
}

/** A file of a page, with its version for conditional requests. */
export interface Page {
  readonly version: string;
  readonly answer: HttpAnswer;
}

function read(directory: string): Map<string, Page> {
  const files = new Map<string, Page>();
  for (const name of readdirSync(directory)) {
    const type = types[extname(name)];
    if (type === undefined) continue;
    const body = readFileSync(join(directory, name), 'utf8');
    const version = createHash('sha256').update(body).digest('base64url');
    const headers = {
      'Cache-Control': 'no-cache',
      ETag: etagOf(version),
      'Referrer-Policy': 'no-referrer',
    };
    files.set(pathOf(name), { version, answer: { status: 200, type, body, headers } });
  }
  return files;
}

/**
 * The files of the pages by path, read once; empty if they are not built. A file keeps its name when its
 * contents change, so browsers ask each time whether their copy is current.
 */
export function readPages(): ReadonlyMap<string, Page> {
  for (const place of places) {
    try {
      return read(place);
    } catch {
      // It is not built there.
    }
  }
  return new Map();
}

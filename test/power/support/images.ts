import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Content, Image } from './file-system.ts';

/** Files of this size are volumes or the reserve: their bytes mean nothing here. */
const LARGE = 2 ** 24;

/** Two images with the same text are the same. */
export const textOf = (image: Image): string =>
  [...image].map(([path, content]) => `${path} ${content === 'folder' ? content : content.id}`).join('\n');

/** Makes the files of an image in a folder. */
export function lay(image: Image, folder: string): void {
  for (const [path, content] of image) {
    if (content === 'folder') {
      mkdirSync(join(folder, path), { mode: 0o711 });
      continue;
    }
    const file = openSync(join(folder, path), 'wx', 0o600);
    for (const { at, bytes } of content.size < LARGE ? content.pieces : [])
      writeSync(file, bytes, 0, Math.max(0, Math.min(bytes.length, content.size - at)), at);
    ftruncateSync(file, content.size);
    closeSync(file);
  }
}

/** The image of a folder that is there. */
export function imageIn(folder: string): Image {
  const image = new Map<string, Content | 'folder'>();
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();
  for (const name of names) {
    const path = join(folder, name);
    const found = statSync(path);
    const isLarge = found.size >= LARGE;
    const pieces = found.isFile() && !isLarge ? [{ at: 0, bytes: readFileSync(path) }] : [];
    image.set(name, found.isFile() ? { id: `before ${name}`, size: found.size, pieces } : 'folder');
  }
  return image;
}

/** The bytes of a file of an image. */
export function bytesOf({ size, pieces }: Content): Buffer {
  const bytes = Buffer.alloc(size < LARGE ? size : 0);
  for (const piece of pieces) piece.bytes.copy(bytes, piece.at);
  return bytes;
}

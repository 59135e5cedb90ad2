// The check that every system test ends with: nothing of a deleted disk is left.
import { readdir } from 'node:fs/promises';
import type { Libvirtd } from './libvirtd.ts';

async function inPool(pool: string): Promise<string[]> {
  const entries = await readdir(pool, { recursive: true, withFileTypes: true });
  return entries
    .filter(entry => !entry.isDirectory() && entry.name !== '.pdisk-owner')
    .map(entry => `pool: ${entry.name}`);
}

async function inDomains(libvirtd: Libvirtd): Promise<string[]> {
  const found: string[] = [];
  const names = (await libvirtd.virsh('list', '--all', '--name')).split('\n').filter(name => name !== '');
  for (const name of names) {
    for (const [kind, flags] of [
      ['live', []],
      ['inactive', ['--inactive']],
    ] as const) {
      const xml = await libvirtd.virsh('dumpxml', ...flags, name);
      for (const [, alias] of xml.matchAll(/<alias name='(ua-[^']*)'/g)) {
        found.push(`${kind} XML of domain ${name}: ${alias}`);
      }
    }
  }
  return found;
}

/**
 * What is left over of disks: files in a file pool, temporary ones included, and devices of ours in any
 * domain.
 *
 * @param places pool: the folder of a file pool; libvirtds: the libvirtds to look at
 * @returns one line for each leftover; empty if there is none
 */
export async function leftOver(places: {
  pool?: string;
  libvirtds?: readonly Libvirtd[];
}): Promise<string[]> {
  const files = places.pool === undefined ? [] : await inPool(places.pool);
  const devices = await Promise.all((places.libvirtds ?? []).map(inDomains));
  return [...files, ...devices.flat()];
}

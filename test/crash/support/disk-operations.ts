import { randomUUID } from 'node:crypto';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { GIB } from '../../../src/lib/gib.ts';
import type { Sent, Site } from './site.ts';
import { diskIn, newDisk, type Operation, pluggedDisk, succeeded, type Trial } from './trial.ts';
import type { DiskSeen } from './view.ts';

/** A request about an existing disk, which differs in one thing before and after. */
function changing(
  site: Site,
  uuid: string,
  [method, path, sent]: readonly [string, string, Sent],
  isChanged: (disk: DiskSeen) => boolean,
): Trial {
  const differs = (disk: DiskSeen | undefined, wanted: boolean): boolean =>
    disk !== undefined && isChanged(disk) === wanted;
  return {
    act: key => site.ask(method, path, { ...sent, key }),
    done: view => differs(diskIn(view, uuid), true),
    undone: view => differs(diskIn(view, uuid), false),
    repeated: succeeded,
  };
}

/** Puts an image into the pool that no disk has. */
async function leftover(site: Site): Promise<string> {
  const uuid = randomUUID();
  const image = await open(join(site.pool, `${uuid}.raw`), 'wx', 0o600);
  await image.truncate(GIB);
  await image.close();
  return uuid;
}

const resize = (site: Site, uuid: string): Trial =>
  changing(
    site,
    uuid,
    ['POST', `/api/resize/${uuid}`, { as: 'alice', form: { size: '2' } }],
    ({ size }) => size === 2,
  );

/** Operations on disks and on volumes without a disk. */
export const diskOperations: readonly Operation[] = [
  {
    name: 'create',
    isRequest: true,
    async prepare(site) {
      const tag = `disk ${site.next()}`;
      const form = { size: '2', tag, visibility: 'public' };
      const count = (disks: readonly DiskSeen[]): number => disks.filter(disk => disk.tag === tag).length;
      return {
        act: key => site.ask('POST', '/api/create', { as: 'alice', form, key }),
        done: ({ disks }) => count(disks) === 1,
        undone: ({ disks }) => count(disks) === 0,
        repeated: succeeded,
      };
    },
  },
  {
    name: 'delete',
    isRequest: true,
    async prepare(site) {
      const uuid = await newDisk(site);
      return {
        act: key => site.ask('DELETE', `/api/disks/${uuid}`, { as: 'alice', key }),
        done: view => diskIn(view, uuid) === undefined,
        undone: view => diskIn(view, uuid)?.state === 'available',
        repeated: succeeded,
      };
    },
  },
  { name: 'resize', isRequest: true, prepare: async site => resize(site, await newDisk(site)) },
  {
    name: 'resize under a VM',
    isRequest: true,
    prepare: async site => resize(site, (await pluggedDisk(site)).uuid),
  },
  {
    name: 'edit',
    isRequest: true,
    async prepare(site) {
      const uuid = await newDisk(site);
      const form = { tag: 'another tag', visibility: 'public' };
      return changing(
        site,
        uuid,
        ['PATCH', `/api/disks/${uuid}`, { as: 'alice', form }],
        ({ tag, visibility }) => tag === form.tag && visibility === form.visibility,
      );
    },
  },
  {
    name: 'limit',
    isRequest: true,
    async prepare(site) {
      const uuid = await newDisk(site);
      return changing(
        site,
        uuid,
        ['PUT', `/api/disks/${uuid}/limit`, { form: { limit: '3' } }],
        ({ limit }) => limit === 3,
      );
    },
  },
  {
    name: 'adopt a leftover',
    isRequest: true,
    async prepare(site) {
      const uuid = await leftover(site);
      const form = { owner: 'alice', tag: 'found', visibility: 'private' };
      return {
        act: key => site.ask('POST', `/api/leftovers/${uuid}/adopt`, { form, key }),
        done: view => diskIn(view, uuid)?.tag === 'found' && !view.leftovers.includes(uuid),
        undone: view => diskIn(view, uuid) === undefined && view.leftovers.includes(uuid),
        repeated: succeeded,
        allowed: { leftover: uuid },
      };
    },
  },
  {
    name: 'remove a leftover',
    isRequest: true,
    async prepare(site) {
      const uuid = await leftover(site);
      return {
        act: key => site.ask('POST', `/api/leftovers/${uuid}/remove`, { key }),
        done: view => !view.volumes.has(`${uuid}.raw`) && !view.leftovers.includes(uuid),
        undone: view => view.volumes.has(`${uuid}.raw`) && view.leftovers.includes(uuid),
        repeated: succeeded,
        allowed: { leftover: uuid },
      };
    },
  },
];

// Leftovers that a VM on a silent node may have.
import { randomUUID } from 'node:crypto';
import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { admin, cause, createSite } from './support/site.ts';

const NEVER_MS = 3_600_000;
const GIB = 2 ** 30;
type Site = Awaited<ReturnType<typeof createSite>>;

/** A volume in the pool that belongs to no disk. */
async function leaveVolume({ directory }: Site): Promise<string> {
  const uuid = randomUUID();
  const path = join(directory, 'pool', `${uuid}.raw`);
  await writeFile(path, '');
  await truncate(path, GIB);
  return uuid;
}

const remove = (site: Site, uuid: string) => site.disks.leftovers.remove(admin, uuid, cause);

test('right after the start a known node that does not answer prevents the removal of a leftover, until it is declared dead', async t => {
  const site = await createSite(t, { reconcileIntervalMs: NEVER_MS });
  site.n2.addDomain({ name: 'one-2' });
  const met = await site.create();
  await site.hotattach(met, '2', 'n2');
  await site.hotdetach(met, '2', 'n2');
  await site.restart(() => site.n2.cut());
  const uuid = await leaveVolume(site);
  await t.throwsAsync(remove(site, uuid), { code: 'NODES_SILENT', message: /node 'n2'.*declare-dead/ });
  await site.disks.nodes.declareDead(admin, 'n2', 'it burnt down');
  await remove(site, uuid);
  await t.throwsAsync(remove(site, uuid), { code: 'LEFTOVER_UNKNOWN' });
});

test('a node that was removed from the configuration prevents the removal of a leftover, too', async t => {
  const site = await createSite(t, { reconcileIntervalMs: NEVER_MS });
  site.n2.addDomain({ name: 'one-2' });
  const met = await site.create();
  await site.hotattach(met, '2', 'n2');
  await site.hotdetach(met, '2', 'n2');
  await site.restart(() => site.nodes.delete('n2'));
  const uuid = await leaveVolume(site);
  await t.throwsAsync(remove(site, uuid), { code: 'NODES_SILENT', message: /node 'n2'/ });
});

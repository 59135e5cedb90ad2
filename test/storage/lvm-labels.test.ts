import { randomUUID } from 'node:crypto';
import test from 'ava';
import type { DiskLabel } from '../../src/storage/label.ts';
import { labelInTags, lvmLabels, tagsOfLabel } from '../../src/storage/lvm/labels.ts';
import { until } from '../../testkit/until.ts';
import { metadataLvm, metadataTest } from './support/metadata-lvm.ts';
import { never } from './support/pool-suite.ts';

const labelOf = (more: Partial<DiskLabel> = {}): DiskLabel => ({
  uuid: randomUUID(),
  owner: 'alice',
  ownerId: 'V1StGXR8_Z5jdHi6B-myT',
  tag: 'mail',
  visibility: 'private',
  sizeGiB: 1,
  limit: 1,
  created: 1_750_000_000_000,
  ...more,
});

/** The longest that can be: a tag has 255 characters. */
const longest = labelOf({ owner: 'x'.repeat(64), tag: '𝕏"\n'.repeat(85), sizeGiB: 2 ** 40 });

test('every label fits into tags that LVM takes, and comes back from them in any order', t => {
  for (const label of [labelOf(), labelOf({ tag: '' }), labelOf({ tag: 'a,b="ü"' }), longest]) {
    const tags = tagsOfLabel(label);
    for (const tag of tags) t.regex(tag, /^[A-Za-z0-9_+.=/-]{1,1024}$/);
    t.deepEqual(labelInTags(['pdisk', ...[...tags].reverse(), 'site.tag']), label);
  }
  t.true(tagsOfLabel(longest).length > 1);
});

test('tags that are no label are none', t => {
  t.is(labelInTags([]), undefined);
  t.is(labelInTags(['pdisk', 'pdisk.label0=AAAA']), undefined);
  t.is(labelInTags(tagsOfLabel(longest).slice(1)), undefined);
});

metadataTest('a volume has its label from the beginning, and later the one that its disk has', async t => {
  const meta = await metadataLvm(t, 4);
  const pool = await meta.pool();
  const [one, other] = [labelOf({ tag: 'ü, "x"' }), labelOf()];
  await pool.create(one.uuid, 1, never(), never(), one);
  await pool.create(other.uuid, 1, never());
  const ran: string[] = [];
  const warned: string[] = [];
  const lvm = (_: AbortSignal, ...args: readonly string[]): Promise<string> => {
    ran.push(args[0] ?? '');
    return meta.lvm(...args);
  };
  const open = () => lvmLabels('meta', lvm, sentence => warned.push(sentence));
  t.deepEqual([...(await open().read())], [[one.uuid, one]]);

  const labels = open();
  await labels.begin(() => [one, other]);
  t.is(ran.filter(command => command === 'lvchange').length, 1);
  t.deepEqual((await labels.read()).get(other.uuid), other);

  labels.put(one.uuid, { ...longest, uuid: one.uuid });
  labels.put(randomUUID(), labelOf());
  await until(async () => (await labels.read()).get(one.uuid)?.owner === longest.owner, 'the new label');
  await pool.delete(other.uuid, never());
  labels.put(other.uuid, undefined);
  await labels.close();
  t.deepEqual([...(await open().read()).keys()], [one.uuid]);
  t.deepEqual(warned, []);
});

// The examples in the OpenAPI document are what the service's own code produces.
import test from 'ava';
import { diskMachine } from '../../machines/disk.ts';
import { initialDisk } from '../../machines/disk-parts.ts';
import { diskWhyKeys, nodeWhyKeys } from '../../src/api/text/why.ts';
import { diskProbes } from '../../src/charts/disk-probes.ts';
import { explainEvents } from '../../src/charts/explain-event.ts';
import { diskElement } from '../../src/hypervisor/disk-xml.ts';
import { document } from '../../testkit/conforms.ts';
import { admin, documented } from '../disks/support/explained.ts';
import { timeouts } from '../disks/support/world.ts';
import { FIRST } from './support/disks.ts';

function example(path: string, name: string): unknown {
  const [content] = Object.values(document.paths[path]?.get?.responses[200]?.content ?? {});
  return (content as { examples: Record<string, { value: unknown }> }).examples[name]?.value;
}

test('the example of a disk element is the element that libvirt is given', t => {
  const source = { type: 'file', path: `/var/lib/pdisk/pool/${FIRST}.raw` } as const;
  const element = diskElement({ disk: FIRST, source, target: 'vdb', shareable: false });
  t.is(example('/api/disks/{uuid}/libvirt', 'element'), element);
});

test('the example of what a chart would do with a request is what the chart does', t => {
  const context = { ...initialDisk, uuid: FIRST };
  const probes = diskProbes({
    context,
    roomGiB: 1,
    quotaLeft: { disks: 1, sizeGiB: 1 },
    wipe: true,
    vms: new Map(),
    attaching: false,
    stamp: { now: 0, time: 0, timeouts },
  });
  const { events } = example('/api/disks/{uuid}/chart', 'chart') as { events: [{ message: string }] };
  const [{ message, ...shown }] = events;
  const deletion = explainEvents(diskMachine, { state: 'attached', context }, probes).find(
    one => one.event === 'DELETE',
  );
  const { vm: _, ...found } = deletion ?? {};
  t.deepEqual<object, object>(shown, found);
  t.regex(message, /is in use/);
});

test('the charts in the examples are the real ones', t => {
  const states = Object.keys(diskMachine.states);
  t.like(example('/api/charts', 'charts'), {
    0: { name: 'disk', states: states.map(state => ({ state })) },
  });
  t.deepEqual(Object.keys((example('/api/charts/{name}', 'disk') as { states: object }).states), states);
});

test('the examples of explanations are what the service answers', t => {
  const { disk, node } = documented();
  t.deepEqual(example('/api/disks/{uuid}/why', 'explanation'), diskWhyKeys(disk(admin, FIRST)));
  const name = 'onehost-2.lal.in2p3.fr';
  t.deepEqual(example('/api/nodes/{node}/why', 'explanation'), nodeWhyKeys(node(admin, name)));
});

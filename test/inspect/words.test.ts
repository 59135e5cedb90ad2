import test from 'ava';
import { initialAttachment as unbornAttachment } from '../../machines/attachment-parts.ts';
import { diskMachine } from '../../machines/disk.ts';
import { initialDisk } from '../../machines/disk-parts.ts';
import { attachmentProbes } from '../../src/charts/attachment-probes.ts';
import { diskProbes } from '../../src/charts/disk-probes.ts';
import { statesWith } from '../../src/charts/states.ts';
import { asked, goneStates } from '../../src/web/words.ts';
import { timeouts } from '../disks/support/world.ts';

const stamp = { now: 0, time: 0, timeouts };
const probes = [
  ...diskProbes({
    context: initialDisk,
    roomGiB: 1,
    quotaLeft: { disks: 1, sizeGiB: 1 },
    wipe: true,
    vms: new Map(),
    attaching: false,
    stamp,
  }),
  ...attachmentProbes({ context: unbornAttachment, taken: [], stamp }),
];

test('the inspector has a name for exactly the events that requests send', t => {
  const requested = probes.filter(({ request }) => request !== null).map(({ event }) => event.type);
  t.deepEqual(Object.keys(asked).sort(), [...new Set(requested)].sort());
});

test('the inspector drops a disk in the states that the chart tags as gone', t => {
  t.deepEqual([...goneStates], [...statesWith(diskMachine, 'gone')]);
});

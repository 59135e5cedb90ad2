// The record of the disks that live domains have, as the last look at each node showed.
import test from 'ava';
import { createHolders } from '../../src/disks/vms/holders.ts';

const DISK = 'eb198dec-3560-4a9a-b3b4-5f043410a3dd';

function book() {
  const holders = createHolders({ isKnown: () => true, isDiverted: () => false, ready: async () => {} });
  const see = (uuid: string, node = 'n1') =>
    holders.put(node, node, { uuid, name: uuid }, [
      { disk: DISK, by: 'path', alias: 'virtio-disk7', target: 'vdb', source: `/pool/${DISK}.raw` },
    ]);
  const having = () => holders.of(DISK).map(({ domain }) => domain.uuid);
  return { holders, see, having };
}

test('a list of running VMs says nothing of one that was looked at after the list was asked for', t => {
  const { holders, see, having } = book();
  see('over');
  const before = holders.looks();
  see('just started');
  holders.keepOnly('n1', new Set(), before);
  t.deepEqual(having(), ['just started']);
  holders.keepOnly('n1', new Set(), holders.looks());
  t.deepEqual(having(), []);
});

test('a list says nothing of other nodes', t => {
  const { holders, see, having } = book();
  see('here');
  see('there', 'n2');
  holders.keepOnly('n1', new Set());
  t.deepEqual(having(), ['there']);
});

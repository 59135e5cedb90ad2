// How the result of a look at a VM reaches its attachments.
import test from 'ava';
import { initialAttachment } from '../../machines/attachment-parts.ts';
import { attachmentKey } from '../../machines/notes.ts';
import { createRecordIndex } from '../../src/disks/records/record-index.ts';
import type { StoredAttachment } from '../../src/disks/records/records.ts';
import { createObserver, type ObserverParts } from '../../src/disks/vms/observer.ts';
import type { Hypervisor } from '../../src/hypervisor/hypervisor.ts';

const NODE = 'key of n1';
const domain = { uuid: 'domain of one-1', name: 'one-1' };
const vm = { host: 'n1', node: NODE, names: ['1', 'one-1'], domain: domain.uuid };

const attachment = (id: string, state: StoredAttachment['state']): StoredAttachment => ({
  v: 3,
  state,
  context: { ...initialAttachment, id, disk: `disk of ${id}`, node: 'n1', vmId: '1', vm },
});

/**
 * A VM that runs without disks. `told` lists the attachments that were told so, in order; `whileTold` runs
 * while one is being told.
 */
function observer(whileTold: (key: string) => void) {
  const decided = createRecordIndex();
  const told: string[] = [];
  const hypervisor: Partial<Hypervisor> = {
    look: async () => ({ kind: 'running', run: { host: 'h', id: 1 }, disks: [], targets: [], defined: [] }),
    hostOf: () => 'n1',
  };
  const parts: Record<keyof ObserverParts, unknown> = {
    system: {
      async deliver(deliveries: readonly { readonly to: string }[]) {
        for (const { to } of deliveries) {
          told.push(to);
          whileTold(to);
        }
      },
    },
    decided,
    hypervisor,
    holders: { put: () => {}, of: () => [] },
    definitions: { put: () => {} },
    strays: { settle: async () => {} },
    locator: { definedElsewhere: async () => [] },
    now: () => 0,
    questionMs: 1,
  };
  return { observer: createObserver(parts as ObserverParts), decided, told };
}

test('a disk that is plugged in while another attachment is told of a look is not judged by that look', async t => {
  const [gone, coming] = [attachmentKey('gone'), attachmentKey('coming')];
  const site = observer(key => {
    if (key === gone && site.told.length === 1)
      site.decided.set(coming, attachment('coming', 'hot-attached'));
  });
  site.decided.set(gone, attachment('gone', 'hot-attached'));
  site.decided.set(coming, attachment('coming', 'attaching'));
  await site.observer.report(await site.observer.look(NODE, domain), null);
  t.deepEqual(site.told, [gone]);
  await site.observer.report(await site.observer.look(NODE, domain), null);
  t.deepEqual(site.told, [gone, gone, coming], 'the next look is told to both');
});

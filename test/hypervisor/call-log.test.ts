import test from 'ava';
import { observed } from '../../src/hypervisor/observed.ts';
import type { LibvirtClient } from '../../src/libvirt/client.ts';

const client = {
  lookupByName: async (name: string) => ({ name, uuid: 'u', id: 1 }),
  attachDevice: async () => {
    throw new Error('refused');
  },
  onClose: () => () => {},
  dropped: { messages: 0 },
} as unknown as LibvirtClient;
const domain = { name: 'one-7', uuid: 'u', id: 1 };

test('at level debug each call to libvirt is logged with its VM, its duration and its error', async t => {
  const lines: Record<string, unknown>[] = [];
  const log = {
    info() {},
    warn() {},
    debug: (facts: object) => lines.push({ ...facts }),
    isLevelEnabled: () => true,
  };
  const told = observed(client, 'n1', log);
  t.is((await told.lookupByName('one-7')).name, 'one-7');
  await t.throwsAsync(told.attachDevice(domain, '<disk/>', 1), { message: 'refused' });
  t.is(typeof told.onClose(() => {}), 'function');
  t.like(lines[0], { node: 'n1', call: 'lookupByName', domain: 'one-7' });
  t.like(lines[1], { node: 'n1', call: 'attachDevice', domain: 'one-7', error: 'refused' });
  for (const { ms } of lines) t.is(typeof ms, 'number');
  t.is(lines.length, 2);
});

test('without level debug the client is returned unchanged', t => {
  t.is(observed(client, 'n1', { info() {}, warn() {} }), client);
  t.is(observed(client, 'n1', { info() {}, warn() {}, debug() {}, isLevelEnabled: () => false }), client);
});

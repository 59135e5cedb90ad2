import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { type FakeLibvirtd, startFakeLibvirtd } from '../../testkit/fakes/libvirtd.ts';
import { libvirtSuite } from './support/suite.ts';

let dir: string;
let fake: FakeLibvirtd;

test.before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pdisk-fake-'));
  fake = await startFakeLibvirtd({ unix: join(dir, 'sock'), tcp: 0 });
  fake.addDomain({ name: 'guest' });
});

test.after.always(async () => {
  await fake?.stop();
  await rm(dir, { recursive: true, force: true });
});

libvirtSuite(test.serial, () => ({
  uri: fake.uri,
  otherUri: fake.tcpUri ?? '',
  dir,
  async restart() {
    await fake.stop();
    await fake.listen();
  },
  withSystem: async () => 'guest',
  withoutSystem: name => fake.setManners(name, 'unwilling'),
}));

import test from 'ava';
import { bootGuest, type Guest } from '../../testkit/guest.ts';
import { beforeLibvirtTests, libvirtTest } from '../../testkit/libvirt-test.ts';
import { type Libvirtd, startLibvirtd } from '../../testkit/libvirtd.ts';
import { libvirtSuite } from './support/suite.ts';

let libvirtd: Libvirtd;
let guest: Promise<Guest> | undefined;

beforeLibvirtTests(async () => {
  libvirtd = await startLibvirtd({ tcp: true });
});

test.after.always(() => libvirtd?.stop());

libvirtSuite(libvirtTest, () => ({
  uri: libvirtd.uri,
  otherUri: libvirtd.tcpUri ?? '',
  dir: libvirtd.dir,
  restart: () => libvirtd.restart('KILL'),
  withoutSystem: () => undefined,
  async withSystem() {
    guest ??= bootGuest(libvirtd, { name: 'guest' });
    return (await guest).name;
  },
}));

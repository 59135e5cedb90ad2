// A client that records events as "event,detail" and states as "state,reason", in libvirt's numbers.
import type { ExecutionContext } from 'ava';
import { openClient } from '../../../src/libvirt/client.ts';
import { LibvirtError } from '../../../src/libvirt/errors.ts';
import { type FakeLibvirtd, startFakeLibvirtd } from '../../../testkit/fakes/libvirtd.ts';

/** Watches `uri` until the end of the test. */
export async function witness(t: ExecutionContext, uri: string) {
  const events: { name: string; what: string }[] = [];
  const client = await openClient(uri, {
    events: true,
    onEvent(event) {
      const what = event.type === 'lifecycle' ? `${event.event},${event.detail}` : event.type;
      events.push({ name: event.domain.name, what });
    },
  });
  t.teardown(() => client.close());
  return {
    client,
    /** The events of a VM since the last call: those sent before a query's answer have arrived with it. */
    async told(name: string): Promise<string[]> {
      await client.hostname();
      return events
        .splice(0)
        .filter(event => event.name === name)
        .map(({ what }) => what);
    },
    /**
     * A VM's id, state and reason, and the numbers of the disks in its XML; undefined if it is not listed.
     */
    async sees(name: string) {
      const domain = (await client.listDomains()).find(one => one.name === name);
      if (!domain) return undefined;
      const { state, reason } = await client.domainState(domain);
      const xml = await client.domainXml(domain);
      const disks = [...xml.matchAll(/<alias name='(ua-[^']*)'/g)].map(([, alias = '']) =>
        Number(alias.replace('ua-', '')),
      );
      return { id: domain.id, is: `${state},${reason}`, disks };
    },
  };
}

export type Witness = Awaited<ReturnType<typeof witness>>;

/** A fake on a free port, until the end of the test. */
export async function fakeHost(t: ExecutionContext): Promise<FakeLibvirtd> {
  const fake = await startFakeLibvirtd({ tcp: 0 });
  t.teardown(() => fake.stop());
  return fake;
}

/** The element of disk number `n`, with the alias `ua-n`. */
export const disk = (n: number, more = ''): string =>
  `<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='/pool/${n}'/>
    <target dev='sd${'abcdefgh'[n]}' bus='scsi'/>${more}<alias name='ua-${n}'/></disk>`;

/** The expectation that libvirt refuses a call with this code. */
export const refusedWith = (code: number) => ({ instanceOf: LibvirtError, code });

// One suite for the real libvirtd and the fake, which proves that both behave in the same way.
import { randomUUID } from 'node:crypto';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { type LibvirtClient, openClient } from '../../../src/libvirt/client.ts';
import * as libvirt from '../../../src/libvirt/constants.ts';
import { AFFECT_CONFIG, AFFECT_LIVE, ERROR, XML_INACTIVE } from '../../../src/libvirt/constants.ts';
import type { Domain, DomainEvent, LifecycleEvent } from '../../../src/libvirt/domain.ts';
import { LibvirtError } from '../../../src/libvirt/errors.ts';
import { reconnectingLink } from '../../../src/libvirt/reconnect.ts';
import { dial } from '../../../src/libvirt/transport.ts';
import { parseUri } from '../../../src/libvirt/uri.ts';
import { KEEPALIVE_PING, KEEPALIVE_PONG, keepaliveMessage } from '../../../src/libvirt/wire.ts';
import { until } from '../../../testkit/until.ts';

/** A host on which the suite runs. */
export interface Host {
  readonly uri: string;
  /** URI of the same daemon by another transport. */
  readonly otherUri: string;
  /** A folder that its QEMU can read. */
  readonly dir: string;
  /** Kills libvirtd with SIGKILL and starts a new one; VMs run on. */
  restart(): Promise<void>;
  /** Called for a VM without an operating system, which answers no request to unplug. */
  withoutSystem(name: string): void;
  /** The name of a running VM whose guest answers requests to unplug; always the same VM. */
  withSystem(): Promise<string>;
}

/** The XML of a VM without an operating system, with slots for `ports` virtio disks. */
function vmXml(name: string, ports: number): string {
  const port = "<controller type='pci' model='pcie-root-port'/>";
  return `<domain type='qemu'>
    <name>${name}</name><memory unit='MiB'>64</memory><vcpu>1</vcpu>
    <os><type arch='x86_64' machine='q35'>hvm</type></os>
    <features><acpi/></features>
    <devices>
      <controller type='usb' model='none'/><controller type='scsi' model='virtio-scsi'/>
      <controller type='pci' model='pcie-root'/>${port.repeat(ports + 1)}
      <memballoon model='none'/>
    </devices>
  </domain>`;
}

interface Disk {
  file: string;
  target: string;
  alias: string;
  shareable?: boolean;
}

function diskXml({ file, target, alias, shareable = false }: Disk): string {
  return `<disk type='file' device='disk'>
    <driver name='qemu' type='raw'/><source file='${file}'/>
    <target dev='${target}' bus='${target.startsWith('vd') ? 'virtio' : 'scsi'}'/>
    ${shareable ? '<shareable/>' : ''}<serial>0123456789abcdef0123456789abcdef</serial><alias name='${alias}'/>
  </disk>`;
}

function refused(t: ExecutionContext, call: Promise<unknown>, code: number, message?: RegExp) {
  const expected = { instanceOf: LibvirtError, code, ...(message ? { message } : {}) };
  return t.throwsAsync(call, expected);
}

/** Declares one serial test. */
type Declare = (title: string, run: (t: ExecutionContext) => Promise<void>) => void;

/** Declares the suite; `host` is called when a test runs. */
export function libvirtSuite(test: Declare, host: () => Host): void {
  let count = 0;
  const newName = () => `m${++count}-${randomUUID().slice(0, 8)}`;

  /**
   * A client that records its events; after the test it is closed, and every VM made by `make` is removed.
   */
  async function opened(t: ExecutionContext) {
    const events: DomainEvent[] = [];
    const client = await openClient(host().uri, {
      events: true,
      onEvent: event => events.push(event),
      connectTimeoutMs: 60_000,
    });
    t.teardown(() => client.close());
    async function make(settings: { ports?: number; persistent?: boolean } = {}): Promise<Domain> {
      const name = newName();
      const xml = vmXml(name, settings.ports ?? 4);
      const domain = settings.persistent
        ? await client.startDomain(await client.defineXml(xml))
        : await client.createXml(xml);
      host().withoutSystem(name);
      t.teardown(async () => {
        await client.destroy(domain).catch(() => undefined);
        await client.undefine(domain, libvirt.UNDEFINE_MANAGED_SAVE).catch(() => undefined);
      });
      return domain;
    }
    function sawDevice(type: DomainEvent['type'], { uuid }: Domain, alias: string, timeoutMs = 30_000) {
      const isIt = (event: DomainEvent) =>
        event.type === type &&
        event.domain.uuid === uuid &&
        event.type !== 'lifecycle' &&
        event.alias === alias;
      return until(() => events.find(isIt), `${type} ${alias}`, { timeoutMs });
    }
    /** The lifecycle events of a VM so far, as "event,detail". */
    async function lifecycle({ uuid }: Domain): Promise<string[]> {
      await client.hostname();
      return events
        .filter((seen): seen is LifecycleEvent => seen.type === 'lifecycle' && seen.domain.uuid === uuid)
        .map(({ event, detail }) => `${event},${detail}`);
    }
    function sawLifecycle({ uuid }: Domain, event: number, detail: number) {
      const isIt = (seen: DomainEvent) =>
        seen.type === 'lifecycle' &&
        seen.domain.uuid === uuid &&
        seen.event === event &&
        seen.detail === detail;
      return until(() => events.find(isIt), `lifecycle ${event}/${detail}`);
    }
    return { client, make, sawDevice, sawLifecycle, lifecycle };
  }

  async function image(sizeMiB = 4): Promise<string> {
    const path = join(host().dir, `${randomUUID()}.img`);
    const file = await open(path, 'w');
    await file.truncate(sizeMiB * 1024 * 1024);
    await file.close();
    return path;
  }

  const has = async (client: LibvirtClient, domain: Domain, alias: string, flags = 0) =>
    (await client.domainXml(domain, flags)).includes(`<alias name='${alias}'/>`);

  test('an open client reads versions, host name and host UUID', async t => {
    const { client } = await opened(t);
    t.true((await client.libVersion()) >= 9_000_000);
    t.true((await client.hypervisorVersion()) >= 7_000_000);
    t.not(await client.hostname(), '');
    t.regex(await client.capabilities(), /<uuid>[0-9a-f-]{36}<\/uuid>/);
  });

  test('a VM started over one transport is seen over another one, events included', async t => {
    const { make, sawLifecycle } = await opened(t);
    const other = await openClient(host().otherUri, { events: true, connectTimeoutMs: 60_000 });
    t.teardown(() => other.close());
    const seen: DomainEvent[] = [];
    other.subscribe(event => seen.push(event));
    const domain = await make();
    await sawLifecycle(domain, libvirt.LIFECYCLE_STARTED, libvirt.STARTED_BOOTED);
    t.deepEqual(await other.lookupByName(domain.name), domain);
    await until(() => seen.some(event => event.domain.uuid === domain.uuid), 'an event over the other one');
  });

  test('a started VM has an event, is listed, and is found by name and by UUID', async t => {
    const { client, make, sawLifecycle } = await opened(t);
    const domain = await make();
    await sawLifecycle(domain, libvirt.LIFECYCLE_STARTED, libvirt.STARTED_BOOTED);
    t.true(domain.id > 0);
    t.deepEqual(await client.lookupByName(domain.name), domain);
    t.deepEqual(await client.lookupByUuid(domain.uuid), domain);
    t.deepEqual(
      (await client.listDomains(libvirt.LIST_ACTIVE)).find(({ uuid }) => uuid === domain.uuid),
      domain,
    );
    t.is((await client.domainState(domain)).state, libvirt.STATE_RUNNING);
    const xml = await client.domainXml(domain);
    t.true(xml.includes(`<name>${domain.name}</name>`));
    t.true(xml.includes(`<uuid>${domain.uuid}</uuid>`));
  });

  test('a destroyed VM has an event, and is unknown afterwards', async t => {
    const { client, make, sawLifecycle } = await opened(t);
    const domain = await make();
    await client.destroy(domain);
    await sawLifecycle(domain, libvirt.LIFECYCLE_STOPPED, libvirt.STOPPED_DESTROYED);
    await refused(t, client.domainState(domain), ERROR.NO_DOMAIN);
    await refused(t, client.domainXml(domain), ERROR.NO_DOMAIN);
    await refused(t, client.destroy(domain), ERROR.NO_DOMAIN);
  });

  test('events have their order: resumed before started, shut down before stopped', async t => {
    const { client, make, lifecycle } = await opened(t);
    const domain = await make({ persistent: true });
    const expected = ['0,0', '4,0', '2,0'];
    t.deepEqual(await lifecycle(domain), expected);
    await client.managedSave(domain);
    expected.push('3,0', '5,4');
    t.deepEqual(await lifecycle(domain), expected);
    await client.startDomain(domain);
    expected.push('2,2', '4,2');
    t.deepEqual(await lifecycle(domain), expected);
    await client.destroy(domain);
    expected.push('6,2', '5,1');
    t.deepEqual(await lifecycle(domain), expected);
  });

  test('a state has a reason, which a new libvirtd does not know', async t => {
    const { client, make } = await opened(t);
    const domain = await make({ persistent: true });
    const state = async (of = client) => Object.values(await of.domainState(domain));
    t.deepEqual(await state(), [libvirt.STATE_RUNNING, 1]);
    await client.managedSave(domain);
    t.deepEqual(await state(), [libvirt.STATE_SHUTOFF, 5]);
    await client.startDomain(domain);
    t.deepEqual(await state(), [libvirt.STATE_RUNNING, 3]);
    await client.destroy(domain);
    t.deepEqual(await state(), [libvirt.STATE_SHUTOFF, 2]);
    await host().restart();
    const next = await openClient(host().uri);
    t.teardown(async () => {
      await next.undefine(domain);
      await next.close();
    });
    t.deepEqual(await state(next), [libvirt.STATE_SHUTOFF, 0]);
  });

  test('isPersistent says whether a VM has a definition', async t => {
    const { client, make } = await opened(t);
    for (const persistent of [true, false])
      t.is(await client.isPersistent(await make({ persistent })), persistent);
  });

  test('an unknown domain is refused with code 42 and the format of the message', async t => {
    const { client } = await opened(t);
    const error = await refused(t, client.lookupByName('nobody'), ERROR.NO_DOMAIN);
    t.like(error, { domain: 10, str1: 'Domain not found: %s', int1: -1, outcomeUnknown: false });
    await refused(t, client.lookupByUuid(randomUUID()), ERROR.NO_DOMAIN);
  });

  test('a name that is taken and invalid XML are refused', async t => {
    const { client, make } = await opened(t);
    const { name } = await make();
    await refused(t, client.createXml(vmXml(name, 1)), ERROR.OPERATION_FAILED);
    await refused(t, client.createXml('<domain'), ERROR.XML_DETAIL);
    await refused(t, client.createXml('<domain type="qemu"/>'), ERROR.NO_NAME);
  });

  test('a plugged disk has an event and is in the live XML; after the unplug it is not', async t => {
    const { client, make, sawDevice } = await opened(t);
    const domain = await make();
    const disk = { file: await image(), target: 'sdb', alias: 'ua-1' };
    await client.attachDevice(domain, diskXml(disk), AFFECT_LIVE);
    await sawDevice('device-added', domain, 'ua-1');
    const xml = await client.domainXml(domain);
    t.regex(xml, new RegExp(`<source file='${disk.file}'`));
    t.regex(xml, /<target dev='sdb' bus='scsi'\/>/);
    t.regex(xml, /<serial>0123456789abcdef0123456789abcdef<\/serial>/);
    t.true(await has(client, domain, 'ua-1'));

    await client.detachDeviceByAlias(domain, 'ua-1', AFFECT_LIVE);
    await sawDevice('device-removed', domain, 'ua-1');
    t.false(await has(client, domain, 'ua-1'));
    await refused(
      t,
      client.detachDeviceByAlias(domain, 'ua-1', AFFECT_LIVE),
      ERROR.INTERNAL,
      /no device found with alias/,
    );
  });

  test('a VM defined from its live XML has its disks in its definition, and a disk can be removed from that only', async t => {
    const { client, make, sawDevice, sawLifecycle } = await opened(t);
    const domain = await make({ persistent: true });
    const isDefined = async () => /'ua-1'/.test(await client.domainXml(domain, XML_INACTIVE));
    await client.attachDevice(
      domain,
      diskXml({ file: await image(), target: 'sdb', alias: 'ua-1' }),
      AFFECT_LIVE,
    );
    await sawDevice('device-added', domain, 'ua-1');
    t.false(await isDefined());

    const live = await client.domainXml(domain);
    await client.defineXml(live);
    await sawLifecycle(domain, libvirt.LIFECYCLE_DEFINED, 1);
    t.true(await isDefined());
    await client.detachDeviceByAlias(domain, 'ua-1', AFFECT_CONFIG);
    t.false(await isDefined());
    t.true(await has(client, domain, 'ua-1'), 'the live domain keeps the disk');
    const again = client.detachDeviceByAlias(domain, 'ua-1', AFFECT_CONFIG);
    await refused(t, again, ERROR.INTERNAL, /no device found with alias/);

    await client.destroy(domain);
    await client.defineXml(live);
    t.true(await isDefined());
    await client.detachDeviceByAlias(domain, 'ua-1', AFFECT_CONFIG);
    t.false(await isDefined(), 'also if the VM is shut off');
  });

  test('a transient VM shows its live XML as its definition, and no disk can be removed from that', async t => {
    const { client, make } = await opened(t);
    const domain = await make();
    await client.attachDevice(
      domain,
      diskXml({ file: await image(), target: 'sdb', alias: 'ua-1' }),
      AFFECT_LIVE,
    );
    t.regex(await client.domainXml(domain, XML_INACTIVE), /'ua-1'/);
    await refused(t, client.detachDeviceByAlias(domain, 'ua-1', AFFECT_CONFIG), ERROR.OPERATION_INVALID);
    t.true(await has(client, domain, 'ua-1'));
  });

  test('an alias, a target or an image in use is refused, each with its own error', async t => {
    const { client, make } = await opened(t);
    const [one, other] = [await make(), await make()];
    const file = await image();
    const attach = (domain: Domain, disk: Omit<Disk, 'file'>) =>
      client.attachDevice(domain, diskXml({ file, ...disk }), AFFECT_LIVE);
    await attach(one, { target: 'sdb', alias: 'ua-1' });
    await refused(
      t,
      attach(one, { target: 'sdc', alias: 'ua-1' }),
      ERROR.CONFIG_UNSUPPORTED,
      /non unique alias/,
    );
    await refused(t, attach(one, { target: 'sdb', alias: 'ua-2' }), ERROR.XML, /target 'sdb' duplicated/);
    await refused(
      t,
      attach(other, { target: 'sdb', alias: 'ua-2' }),
      ERROR.INTERNAL,
      /Failed to get "write" lock/,
    );
    t.false(await has(client, other, 'ua-2'));
  });

  test('two VMs can share an image only if both have it as shareable', async t => {
    const { client, make } = await opened(t);
    const [one, two, three] = [await make(), await make(), await make()];
    const disk = { file: await image(), target: 'sdb', alias: 'ua-1' };
    await client.attachDevice(one, diskXml({ ...disk, shareable: true }), AFFECT_LIVE);
    await client.attachDevice(two, diskXml({ ...disk, shareable: true }), AFFECT_LIVE);
    const alone = client.attachDevice(three, diskXml(disk), AFFECT_LIVE);
    await refused(t, alone, ERROR.INTERNAL, /Failed to get shared "write" lock/);
  });

  test('a VM can have as many virtio disks as it has ports', async t => {
    const { client, make } = await opened(t);
    const domain = await make({ ports: 2 });
    const attach = async (target: string) => {
      const disk = { file: await image(), target, alias: `ua-${target}` };
      await client.attachDevice(domain, diskXml(disk), AFFECT_LIVE);
    };
    await attach('vda');
    await attach('vdb');
    await refused(t, attach('vdc'), ERROR.INTERNAL, /No more available PCI slots/);
    t.false(await has(client, domain, 'ua-vdc'));
  });

  test('an unplug that the guest ignores succeeds, and the disk is removed at a reset', async t => {
    const { client, make, sawDevice } = await opened(t);
    const domain = await make();
    const disk = { file: await image(), target: 'vda', alias: 'ua-1' };
    await client.attachDevice(domain, diskXml(disk), AFFECT_LIVE);
    await client.detachDeviceByAlias(domain, 'ua-1', AFFECT_LIVE);
    t.true(await has(client, domain, 'ua-1'));
    // Firmware may lose a request in its first moments: then the request and the reset are repeated.
    await until(async () => {
      await client.reset(domain);
      const gone = await sawDevice('device-removed', domain, 'ua-1', 2000).catch(() => undefined);
      if (gone === undefined) await client.detachDeviceByAlias(domain, 'ua-1', AFFECT_LIVE);
      return gone;
    }, 'the disk to be removed at the reset');
    t.false(await has(client, domain, 'ua-1'));
  });

  test('a willing guest releases a virtio disk', async t => {
    const { client, sawDevice } = await opened(t);
    const domain = await client.lookupByName(await host().withSystem());
    const disk = { file: await image(), target: 'vda', alias: 'ua-willing' };
    await client.attachDevice(domain, diskXml(disk), AFFECT_LIVE);
    await sawDevice('device-added', domain, disk.alias);
    await client.detachDeviceByAlias(domain, disk.alias, AFFECT_LIVE);
    await sawDevice('device-removed', domain, disk.alias);
    t.false(await has(client, domain, disk.alias));
  });

  test('a suspended guest releases a virtio disk when it resumes', async t => {
    const { client, sawDevice } = await opened(t);
    const domain = await client.lookupByName(await host().withSystem());
    const disk = { file: await image(), target: 'vda', alias: 'ua-suspended' };
    await client.attachDevice(domain, diskXml(disk), AFFECT_LIVE);
    await client.suspend(domain);
    await client.detachDeviceByAlias(domain, disk.alias, AFFECT_LIVE);
    t.true(await has(client, domain, disk.alias));
    await client.resume(domain);
    await sawDevice('device-removed', domain, disk.alias);
    t.false(await has(client, domain, disk.alias));
  });

  test('a suspend and a resume each have an event', async t => {
    const { client, make, sawLifecycle } = await opened(t);
    const domain = await make();
    await client.suspend(domain);
    await sawLifecycle(domain, libvirt.LIFECYCLE_SUSPENDED, 0);
    t.is((await client.domainState(domain)).state, libvirt.STATE_PAUSED);
    await client.resume(domain);
    await sawLifecycle(domain, libvirt.LIFECYCLE_RESUMED, 0);
  });

  test('a saved VM does not show its plugged disk, and has it again when it starts', async t => {
    const { client, make, sawLifecycle } = await opened(t);
    const domain = await make({ persistent: true });
    const disk = { file: await image(), target: 'sdb', alias: 'ua-1' };
    await client.attachDevice(domain, diskXml(disk), AFFECT_LIVE);
    t.false(await client.hasManagedSave(domain));
    await client.managedSave(domain);
    await sawLifecycle(domain, libvirt.LIFECYCLE_STOPPED, libvirt.STOPPED_SAVED);
    t.true(await client.hasManagedSave(domain));
    const saved = await client.listDomains(libvirt.LIST_INACTIVE | libvirt.LIST_MANAGED_SAVE);
    t.deepEqual(
      saved.find(({ uuid }) => uuid === domain.uuid),
      { ...domain, id: -1 },
    );
    t.false(await has(client, domain, 'ua-1'));
    t.false(await has(client, domain, 'ua-1', libvirt.XML_INACTIVE));

    const again = await client.startDomain(domain);
    t.true(again.id > 0);
    await sawLifecycle(domain, libvirt.LIFECYCLE_STARTED, libvirt.STARTED_RESTORED);
    t.true(await has(client, domain, 'ua-1'));
    t.false(await client.hasManagedSave(domain));
  });

  test('a saved VM whose image is removed starts without the disk', async t => {
    const { client, make } = await opened(t);
    const domain = await make({ persistent: true });
    const disk = { file: await image(), target: 'sdb', alias: 'ua-1' };
    await client.attachDevice(domain, diskXml(disk), AFFECT_LIVE);
    await client.managedSave(domain);
    await refused(t, client.undefine(domain), ERROR.OPERATION_INVALID);
    await client.removeManagedSave(domain);
    await client.startDomain(domain);
    t.false(await has(client, domain, 'ua-1'));
  });

  test('a VM that is shut off keeps its definition, and no disk can be plugged into it', async t => {
    const { client, make } = await opened(t);
    const domain = await make({ persistent: true });
    await client.destroy(domain);
    t.is((await client.domainState(domain)).state, libvirt.STATE_SHUTOFF);
    t.is((await client.lookupByName(domain.name)).id, -1);
    const disk = { file: await image(), target: 'sdb', alias: 'ua-1' };
    await refused(t, client.attachDevice(domain, diskXml(disk), AFFECT_LIVE), ERROR.OPERATION_INVALID);
    await refused(t, client.destroy(domain), ERROR.OPERATION_INVALID);
    await client.undefine(domain);
    await refused(t, client.lookupByName(domain.name), ERROR.NO_DOMAIN);
  });

  test('blockResize resizes a disk of a running VM', async t => {
    const { client, make } = await opened(t);
    const domain = await make();
    const disk = { file: await image(4), target: 'sdb', alias: 'ua-1' };
    await client.attachDevice(domain, diskXml(disk), AFFECT_LIVE);
    await client.blockResize(domain, 'sdb', 8n * 1024n * 1024n);
    await refused(t, client.blockResize(domain, 'sdz', 1024n), ERROR.INVALID_ARG);
  });

  test('many concurrent calls each get their own answer', async t => {
    const { client, make } = await opened(t);
    const domains = [await make(), await make()];
    const asked = Array.from({ length: 100 }, (_, i) => domains[i % 2] as Domain);
    const names = await Promise.all(asked.map(async ({ uuid }) => (await client.lookupByUuid(uuid)).name));
    t.deepEqual(
      names,
      asked.map(({ name }) => name),
    );
    t.deepEqual(client.dropped, { replies: 0, messages: 0 });
  });

  test('a PING is answered with a PONG', async t => {
    const stream = await dial(parseUri(host().uri), new AbortController().signal);
    t.teardown(() => stream.destroy());
    let received = Buffer.alloc(0);
    stream.on('data', chunk => {
      received = Buffer.concat([received, chunk]);
    });
    stream.write(keepaliveMessage(KEEPALIVE_PING));
    const pong = keepaliveMessage(KEEPALIVE_PONG);
    await until(() => received.length >= pong.length, 'a PONG');
    t.deepEqual(received, pong);
  });

  test('a link survives the death of libvirtd, and registers its events again', async t => {
    const seen: { event: DomainEvent; generation: number }[] = [];
    const link = reconnectingLink(host().uri, { events: true, backoff: { baseMs: 10, capMs: 100 } });
    t.teardown(() => link.close());
    link.onEvent((event, generation) => seen.push({ event, generation }));
    const before = await link.client();
    const domain = await before.createXml(vmXml(newName(), 4));
    const hostUuid = async (client: LibvirtClient) =>
      /<uuid>.*?<\/uuid>/.exec(await client.capabilities())?.[0];
    const uuidBefore = await hostUuid(before);
    const lost = new Promise<Error>(resolve => before.onClose(resolve));
    await host().restart();
    await lost;
    await until(() => link.state === 'up', 'the link to come up again');
    t.is(link.generation, 2);

    const after = await link.client();
    t.is(await hostUuid(after), uuidBefore);
    // Just after its start libvirtd does not know its VMs yet.
    await until(
      () => after.lookupByUuid(domain.uuid).catch(() => undefined),
      'libvirtd to know its VMs again',
    );
    const disk = { file: await image(), target: 'sdb', alias: 'ua-1' };
    await after.attachDevice(domain, diskXml(disk), AFFECT_LIVE);
    const added = await until(
      () => seen.find(({ event }) => event.type === 'device-added'),
      'device-added on the new connection',
    );
    t.is(added.generation, 2);
    await after.destroy(domain);
  });
}

/** Tests of the suite that show what depends on the transport. */
const OF_TRANSPORTS: ReadonlySet<string> = new Set([
  'an open client reads versions, host name and host UUID',
  'a VM started over one transport is seen over another one, events included',
  'a plugged disk has an event and is in the live XML; after the unplug it is not',
  'many concurrent calls each get their own answer',
  'a PING is answered with a PONG',
  'a link survives the death of libvirtd, and registers its events again',
]);

/** Declares the part of the suite that depends on the transport, with its name in the titles. */
export function transportSuite(test: Declare, transport: string, host: () => Host): void {
  const declared: string[] = [];
  libvirtSuite((title, run) => {
    if (!OF_TRANSPORTS.has(title)) return;
    declared.push(title);
    test(`over ${transport}, ${title}`, run);
  }, host);
  if (declared.length !== OF_TRANSPORTS.size) throw new Error('a test of the suite has another title');
}

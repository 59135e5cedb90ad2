// Packets recorded between virsh's library and libvirtd 9.0.0: our requests must have the same bytes, the
// answers must be decoded, and the fake must answer like the real libvirtd.
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import test from 'ava';
import { LibvirtError } from '../../src/libvirt/errors.ts';
import { decodeEvent } from '../../src/libvirt/events.ts';
import { type Procedure, procedures } from '../../src/libvirt/procedures.ts';
import * as wire from '../../src/libvirt/wire.ts';
import { type Codec, decode, encode } from '../../src/libvirt/xdr.ts';
import { startFakeLibvirtd } from '../../testkit/fakes/libvirtd.ts';
import { until } from '../../testkit/until.ts';

const golden: Record<string, string> = JSON.parse(
  readFileSync(new URL('golden.json', import.meta.url), 'utf8'),
);

const vm1 = { name: 'vm1', uuid: '00112233-4455-6677-8899-aabbccddeeff', id: 2 };
const disk =
  "<disk type='file'><driver name='qemu' type='raw'/><source file='/tmp/feas-rpc/m2.img'/><target dev='sdb' bus='scsi'/><alias name='ua-1'/></disk>";

function packet(name: string): Buffer {
  const hex = golden[name];
  if (hex === undefined) throw new Error(`no packet ${name}`);
  return Buffer.from(hex, 'hex');
}

type Procedures = typeof procedures;
type ArgsOf<Name extends keyof Procedures> = Parameters<Procedures[Name]['args']['write']>[1];
type ResultOf<Name extends keyof Procedures> = ReturnType<Procedures[Name]['result']['read']>;

/** The bytes that we send for a call, with the serial of the recorded request. */
function request<Name extends keyof Procedures>(recorded: string, name: Name, args: ArgsOf<Name>): string {
  const procedure = procedures[name] as unknown as Procedure<ArgsOf<Name>, unknown>;
  const message = {
    program: wire.PROGRAM_REMOTE,
    procedure: procedure.number,
    type: wire.TYPE_CALL,
    serial: wire.decodeMessage(packet(recorded)).serial,
    status: wire.STATUS_OK,
    payload: encode(procedure.args, args),
  };
  return wire.encodeMessage(message).toString('hex');
}

test('requests are encoded like the recorded ones', t => {
  function check<Name extends keyof Procedures>(recorded: string, name: Name, args: ArgsOf<Name>): void {
    t.is(request(recorded, name, args), packet(recorded).toString('hex'), recorded);
  }
  check('AUTH_LIST >', 'authList', undefined);
  check('SUPPORTS_FEATURE 10 >', 'connectSupportsFeature', { feature: 10 });
  check('CONNECT_OPEN >', 'connectOpen', { name: 'qemu:///system', flags: 0 });
  check('GET_LIB_VERSION >', 'connectGetLibVersion', undefined);
  check('REGISTER_ANY 19 >', 'connectRegisterEvent', { event: 19, domain: null });
  check('LOOKUP_BY_NAME nope >', 'domainLookupByName', { name: 'nope' });
  check('LIST_ALL >', 'connectListAllDomains', { needResults: 1, flags: 1 });
  check('GET_STATE >', 'domainGetState', { domain: vm1, flags: 0 });
  check('ATTACH >', 'domainAttachDeviceFlags', { domain: vm1, xml: disk, flags: 1 });
  check('BLOCK_RESIZE >', 'domainBlockResize', { domain: vm1, disk: 'sdb', size: 8_388_608n, flags: 1 });
  check('DETACH_ALIAS >', 'domainDetachDeviceAlias', { domain: vm1, alias: 'ua-1', flags: 1 });
  check('DESTROY >', 'domainDestroy', { domain: vm1 });
  check('CONNECT_CLOSE >', 'connectClose', undefined);
});

test('keepalive is encoded like the recorded one', t => {
  t.deepEqual(wire.keepaliveMessage(wire.KEEPALIVE_PING), packet('PING >'));
  t.deepEqual(wire.keepaliveMessage(wire.KEEPALIVE_PONG), packet('PONG >'));
});

test('recorded answers are decoded', t => {
  function check<Name extends keyof Procedures>(recorded: string, name: Name, result: ResultOf<Name>): void {
    const codec = procedures[name].result as unknown as Codec<ResultOf<Name>>;
    t.deepEqual(decode(codec, wire.decodeMessage(packet(recorded)).payload), result, recorded);
  }
  check('AUTH_LIST <', 'authList', { types: [0] });
  check('GET_LIB_VERSION <', 'connectGetLibVersion', { version: 9_000_000n });
  check('LOOKUP_BY_NAME vm1 <', 'domainLookupByName', { domain: vm1 });
  check('LIST_ALL <', 'connectListAllDomains', { domains: [vm1], count: 1 });
  check('GET_STATE <', 'domainGetState', { state: 1, reason: 1 });
  check('REGISTER_ANY 19 <', 'connectRegisterEvent', { callback: 8 });
  check('ATTACH <', 'domainAttachDeviceFlags', undefined);
});

test('a recorded error keeps code, domain, message and format', t => {
  const error = wire.decodeError(wire.decodeMessage(packet('LOOKUP_BY_NAME nope <')).payload);
  t.true(error instanceof LibvirtError);
  t.like(error, {
    code: 42,
    domain: 10,
    message: "Domain not found: no domain with matching name 'nope'",
    str1: 'Domain not found: %s',
    int1: -1,
  });
});

test('recorded events are decoded', t => {
  const event = (name: string) => {
    const { procedure, payload } = wire.decodeMessage(packet(name));
    return decodeEvent(procedure, payload);
  };
  t.deepEqual(event('EVENT 318 <'), { type: 'lifecycle', domain: vm1, event: 4, detail: 0 });
  t.deepEqual(event('EVENT 354 <'), { type: 'device-added', domain: vm1, alias: 'ua-1' });
  t.deepEqual(event('EVENT 333 <'), { type: 'device-removed', domain: vm1, alias: 'ua-1' });
});

test('the fake answers recorded requests with the recorded answers', async t => {
  const fake = await startFakeLibvirtd({ tcp: 0, unplugMs: 0 });
  t.teardown(() => fake.stop());
  fake.addDomain({ name: vm1.name, uuid: vm1.uuid });
  fake.domain('vm1').id = vm1.id;
  const socket = connect({ host: '127.0.0.1', port: Number(new URL(fake.uri).port) });
  t.teardown(() => socket.destroy());
  const split = wire.frameSplitter();
  const frames: Buffer[] = [];
  socket.on('data', chunk => frames.push(...split(chunk)));

  async function exchange(name: string): Promise<string> {
    const request = packet(`${name} >`);
    const { serial } = wire.decodeMessage(request);
    const isAnswer = (frame: Buffer) => {
      const message = wire.decodeMessage(frame);
      return message.type === wire.TYPE_REPLY && message.serial === serial;
    };
    socket.write(request);
    return (await until(() => frames.find(isAnswer), `an answer to ${name}`)).toString('hex');
  }
  /** Without the callback number, which differs between daemons. */
  const withoutCallback = (hex: string) => hex.slice(0, -8);

  for (const name of ['AUTH_LIST', 'SUPPORTS_FEATURE 10', 'CONNECT_OPEN', 'GET_LIB_VERSION']) {
    t.is(await exchange(name), packet(`${name} <`).toString('hex'), name);
  }
  t.is(
    withoutCallback(await exchange('REGISTER_ANY 19')),
    withoutCallback(packet('REGISTER_ANY 19 <').toString('hex')),
  );
  const after = [
    'REG dup',
    'LOOKUP_BY_NAME nope',
    'LOOKUP_BY_NAME vm1',
    'LIST_ALL',
    'GET_STATE',
    'ATTACH',
    'BLOCK_RESIZE',
  ];
  for (const name of [...after, 'DETACH_ALIAS', 'DESTROY'])
    t.is(await exchange(name), packet(`${name} <`).toString('hex'), name);

  const added = frames.find(frame => wire.decodeMessage(frame).procedure === 354)?.toString('hex') ?? '';
  const event = packet('EVENT 354 <').toString('hex');
  // 28 bytes of header, then the callback number.
  t.is(added.slice(0, 56) + added.slice(64), event.slice(0, 56) + event.slice(64));

  socket.write(packet('PING >'));
  const pong = packet('KEEPALIVE proc2 <');
  await until(() => frames.some(frame => frame.equals(pong)), 'a PONG');
  t.is(await exchange('CONNECT_CLOSE'), packet('CONNECT_CLOSE <').toString('hex'));
});

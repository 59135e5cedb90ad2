// After a violation of the protocol the connection ends, and calls in flight have an unknown outcome.
import { duplexPair } from 'node:stream';
import test, { type ExecutionContext } from 'ava';
import { type Connection, connectionOver } from '../../src/libvirt/connection.ts';
import { procedures } from '../../src/libvirt/procedures.ts';
import * as wire from '../../src/libvirt/wire.ts';
import { until } from '../../testkit/until.ts';
import { fails, opened } from './support/opened.ts';

/** A connection, and the other end of its stream, which sends `answer(request)` for each request. */
function connected(t: ExecutionContext, answer: (request: wire.Message) => Buffer): Connection {
  const [ours, theirs] = duplexPair();
  const connection = connectionOver(ours, {
    callTimeoutMs: 30_000,
    keepalive: false,
    onEvent: () => t.fail('an event'),
  });
  const split = wire.frameSplitter();
  theirs.on('data', chunk => {
    for (const frame of split(chunk)) theirs.write(answer(wire.decodeMessage(frame)));
  });
  t.teardown(() => connection.destroy(new Error('the test is over')));
  return connection;
}

const reply = (request: wire.Message, changes: Partial<wire.Message>): Buffer =>
  wire.encodeMessage({ ...request, type: wire.TYPE_REPLY, payload: Buffer.alloc(0), ...changes });

const word = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};

const violations: Record<string, (request: wire.Message) => Buffer> = {
  'an answer of another procedure': request => reply(request, { procedure: 1 }),
  'a status that does not exist': request => reply(request, { status: 2 }),
  'a call from the server': request => reply(request, { type: wire.TYPE_CALL }),
  'a stream packet': request => reply(request, { type: 3 }),
  'an answer with file descriptors': request => reply(request, { type: 5 }),
  'a result that ends too early': request => reply(request, { payload: word(8) }),
  'a result with something after it': request =>
    reply(request, { payload: Buffer.concat([word(0), word(0)]) }),
  'an error that is none': request => reply(request, { status: wire.STATUS_ERROR, payload: word(1) }),
  'an event that ends too early': request =>
    reply(request, { type: wire.TYPE_MESSAGE, procedure: 318, payload: word(1) }),
  'another protocol version': request => {
    const frame = reply(request, {});
    frame.writeUInt32BE(2, 8);
    return frame;
  },
  'a length that is none': () => word(3),
};

for (const [what, answer] of Object.entries(violations)) {
  test(`${what} ends the connection, and the outcome of the call is unknown`, async t => {
    const connection = connected(t, answer);
    await fails(t, connection.call(procedures.connectGetHostname, undefined), { outcomeUnknown: true });
    t.is((await connection.ended).name, 'ProtocolViolation');
  });
}

test('an answer without a call, an unknown event and an unknown program are counted and ignored', async t => {
  const connection = connected(t, request =>
    Buffer.concat([
      reply(request, { serial: request.serial + 1 }),
      reply(request, { type: wire.TYPE_MESSAGE, procedure: 9999 }),
      reply(request, { type: wire.TYPE_MESSAGE, program: 0x2000_8087 }),
      reply(request, { payload: Buffer.concat([word(2), Buffer.from('me\0\0')]) }),
    ]),
  );
  t.deepEqual(await connection.call(procedures.connectGetHostname, undefined), { text: 'me' });
  t.deepEqual(connection.dropped, { replies: 1, messages: 2 });
});

test('the connection ends after a second connectOpen, which makes it useless', async t => {
  const { fake, client } = await opened(t);
  fake.faults.inject('connectGetHostname', {
    kind: 'refuse',
    code: 1,
    message: 'internal error: hypervisor connection not open',
  });
  const ended = new Promise<Error>(resolve => client.onClose(resolve));
  await t.throwsAsync(client.hostname(), { name: 'LibvirtError' });
  t.regex((await ended).message, /not open/);
});

for (const kind of ['garbage', 'wrong-procedure'] as const) {
  test(`the connection to a fake that answers with ${kind} ends`, async t => {
    const { fake, client } = await opened(t);
    fake.faults.inject('connectGetHostname', { kind });
    await fails(t, client.hostname(), { outcomeUnknown: true });
    await fails(t, client.hostname(), { name: 'ConnectionLost', outcomeUnknown: false });
  });
}

test('an answer with a wrong serial is no answer to the call', async t => {
  const { fake, client } = await opened(t);
  fake.faults.inject('connectGetHostname', { kind: 'wrong-serial' });
  await fails(t, client.hostname({ timeoutMs: 30 }), { name: 'CallTimeout', outcomeUnknown: true });
  await until(() => client.dropped.replies === 1, 'the answer');
  t.is(await client.hostname(), 'fake');
});

// Boundaries around each call of libvirt, and at each answer and event from it.
import { Socket } from 'node:net';
import { basename } from 'node:path';
import { procedures } from '../../../src/libvirt/procedures.ts';
import { decodeMessage, frameSplitter, PROGRAM_REMOTE, TYPE_REPLY } from '../../../src/libvirt/wire.ts';
import { reach } from './counter.ts';

const names = new Map<number, string>(
  Object.entries(procedures).map(([name, { number }]): [number, string] => [number, name]),
);

/** The procedure of a frame of libvirt's program; undefined: it is something else. */
function procedureOf(frame: unknown): string | undefined {
  if (!Buffer.isBuffer(frame) || frame.length < 28 || frame.readUInt32BE(4) !== PROGRAM_REMOTE)
    return undefined;
  return names.get(frame.readInt32BE(12));
}

/** Counts what arrives on a connection to a node, before the service sees it. */
function listen(socket: Socket, node: string): void {
  const split = frameSplitter();
  socket.prependListener('data', (chunk: Buffer) => {
    for (const frame of split(chunk)) {
      const { program, procedure, type } = decodeMessage(frame);
      if (program !== PROGRAM_REMOTE) continue;
      reach(type === TYPE_REPLY ? `answer ${node} ${names.get(procedure)}` : `event ${node} ${procedure}`);
    }
  });
}

/** Wraps sockets to libvirtds. A node is called by the name of its socket. */
export function wrapLibvirt(): void {
  const nodes = new WeakMap<Socket, string>();
  const heard = new WeakSet<Socket>();
  const { connect, write } = Socket.prototype as unknown as Record<string, (...args: unknown[]) => unknown>;
  const methods = Socket.prototype as unknown as Record<string, unknown>;
  methods.connect = function (this: Socket, ...args: unknown[]) {
    const options = [args[0]].flat()[0] as { path?: string } | undefined;
    if (options?.path !== undefined) nodes.set(this, basename(options.path));
    return connect?.apply(this, args);
  };
  methods.write = function (this: Socket, ...args: unknown[]) {
    const node = nodes.get(this);
    const procedure = node === undefined ? undefined : procedureOf(args[0]);
    if (node === undefined || procedure === undefined) return write?.apply(this, args);
    if (!heard.has(this)) {
      heard.add(this);
      listen(this, node);
    }
    reach(`before ${node} ${procedure}`);
    const result = write?.apply(this, args);
    reach(`after ${node} ${procedure}`);
    return result;
  };
}

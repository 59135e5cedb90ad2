// The transports to a libvirt daemon. A transport is a function from a target to a connected duplex stream.
import type { Duplex } from 'node:stream';
import { connected, firstSocket } from './transports/sockets.ts';
import { dialSsh } from './transports/ssh.ts';
import { dialTls } from './transports/tls.ts';
import type { Target, Transport } from './uri.ts';

/**
 * Resolves with a connected stream; rejects with the system's error, a TransportError or the reason of
 * `signal`.
 */
type Dial = (target: Target, signal: AbortSignal) => Promise<Duplex>;

const dials: Record<Transport, Dial> = {
  unix: ({ sockets }, signal) => firstSocket(sockets, signal),
  tcp: ({ host, port }, signal) => connected({ host, port, noDelay: true }, signal),
  tls: dialTls,
  ssh: dialSsh,
};

/** Connects to `target` by its transport. */
export const dial: Dial = (target, signal) => dials[target.transport](target, signal);

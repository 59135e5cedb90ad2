// The transports to a libvirt daemon. A transport is a function from a target to a connected duplex stream,
// so that TLS (which sends one byte 0x01 after the handshake) and ssh (stdin and stdout of a child) can be
// added to these two.
import { connect, type NetConnectOpts, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Target } from './uri.ts';

/** Resolves with a connected stream; rejects with the system's error or the reason of `signal`. */
type Dial = (target: Target, signal: AbortSignal) => Promise<Duplex>;

function connected(options: NetConnectOpts, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const socket = connect(options);
    const onAbort = () =>
      socket.destroy(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
    signal.addEventListener('abort', onAbort, { once: true });
    const onError = (error: Error) => {
      signal.removeEventListener('abort', onAbort);
      reject(error);
    };
    socket.once('error', onError);
    socket.once('connect', () => {
      signal.removeEventListener('abort', onAbort);
      socket.removeListener('error', onError);
      resolve(socket);
    });
  });
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

const dials: Record<Target['transport'], Dial> = {
  async unix({ sockets }, signal) {
    const last = sockets.at(-1);
    for (const path of sockets) {
      try {
        return await connected({ path }, signal);
      } catch (error) {
        if (!isMissing(error) || path === last) throw error;
      }
    }
    throw new Error('no socket to connect to');
  },
  tcp: ({ host, port }, signal) => connected({ host, port, noDelay: true }, signal),
};

/** Connects to `target` by its transport. */
export const dial: Dial = (target, signal) => dials[target.transport](target, signal);

import { connect, type NetConnectOpts, type Socket } from 'node:net';
import { whenConnected } from './when-connected.ts';

/** Connects a socket. Rejects with the system's error or the reason of `signal`. */
export async function connected(options: NetConnectOpts, signal: AbortSignal): Promise<Socket> {
  signal.throwIfAborted();
  return await whenConnected(connect(options), 'connect', signal);
}

const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ENOENT';

/** Connects to the first of these unix sockets that exists. The error is that of the last one. */
export async function firstSocket(paths: readonly string[], signal: AbortSignal): Promise<Socket> {
  const last = paths.at(-1);
  for (const path of paths) {
    try {
      return await connected({ path }, signal);
    } catch (error) {
      if (!isMissing(error) || path === last) throw error;
    }
  }
  throw new Error('no socket to connect to');
}

import { type TemplatedApp, type us_listen_socket, us_socket_local_port } from 'uWebSockets.js';
import { createServer } from 'node:net';

// Without this option a second process may share the port (SO_REUSEPORT), and each gets part of the
// connections. The declarations lack the constant and the form of `listen` with a host and options.
const EXCLUSIVE_PORT = 1;

interface ExclusiveListener {
  listen(host: string, port: number, options: number, then: (socket: us_listen_socket | false) => void): void;
}

/** Why an address cannot be listened on: uWebSockets.js does not say, so Node tries the same. */
function reason(host: string, port: number): Promise<string> {
  return new Promise(resolve => {
    const probe = createServer();
    probe.once('error', error => resolve(error.message));
    probe.listen({ host, port, exclusive: true }, () =>
      probe.close(() => resolve('it was taken a moment ago')),
    );
  });
}

/** Listens on an address exclusively; port 0 takes a free one. Rejects with an `Error` that says why not. */
export async function listenOn(
  app: TemplatedApp,
  host: string,
  port: number,
): Promise<{ readonly socket: us_listen_socket; readonly port: number }> {
  const socket = await new Promise<us_listen_socket | false>(resolve => {
    (app as unknown as ExclusiveListener).listen(host, port, EXCLUSIVE_PORT, resolve);
  });
  if (socket) return { socket, port: us_socket_local_port(socket) };
  throw new Error(`cannot listen on ${host} port ${port}: ${await reason(host, port)}`);
}

// uWebSockets.js cannot change a certificate, and closing a listening socket resets the connections in its
// backlog. So one app only accepts, as long as the process lives, and hands each connection to the app of the
// newest certificate. Older apps go on serving their connections.

import {
  App,
  type HttpResponse,
  SSLApp,
  type TemplatedApp,
  type us_listen_socket,
  us_listen_socket_close,
} from 'uWebSockets.js';
import { CIPHERS, checkCertificate, type TlsFiles } from './certificate.ts';
import { listenOn } from './listen.ts';

/** The listening socket of the API. */
export interface Listener {
  /** Begins to accept connections; resolves with the port. Rejects with an `Error` that says why not. */
  listen(host: string, port: number): Promise<number>;
  /**
   * Reads the certificate from its files again, for new connections. Throws an `Error` with a sentence if it
   * cannot be used; the old one stays.
   */
  reload(): void;
  /** Accepts no more connections. */
  refuse(): void;
  /** Closes every connection. */
  close(): void;
}

// Methods that the declarations of uWebSockets.js lack.
interface Acceptor extends TemplatedApp {
  addChildAppDescriptor(descriptor: unknown): void;
  removeChildAppDescriptor(descriptor: unknown): void;
}
interface Child extends TemplatedApp {
  getDescriptor(): unknown;
}

/**
 * Creates an app. `warn` gets the warnings about a certificate that is used. Throws an `Error` with a
 * sentence if it cannot be used.
 */
function newApp(tls: TlsFiles | undefined, warn: (sentence: string) => void = () => {}): TemplatedApp {
  if (!tls) return App({});
  for (const sentence of checkCertificate(tls)) warn(sentence);
  return SSLApp({ cert_file_name: tls.certificate, key_file_name: tls.key, ssl_ciphers: CIPHERS });
}

/** Creates the listening socket. `mount` gets every app, also those created later for a new certificate. */
export function createListener(parts: {
  readonly tls: TlsFiles | undefined;
  readonly maxConnections: number;
  readonly mount: (app: TemplatedApp) => void;
  /** Gets the warnings about a certificate that is used, a sentence each. */
  readonly warn: (sentence: string) => void;
}): Listener {
  const acceptor = newApp(parts.tls) as Acceptor;
  /** The last app gets new connections. */
  const serving: Child[] = [];
  let listening: us_listen_socket | undefined;
  let connections = 0;

  function makeChild(): Child {
    const app = newApp(parts.tls, parts.warn) as Child;
    const counted = (response: HttpResponse, change: number): void => {
      connections += change;
      if (change > 0 && connections > parts.maxConnections) response.close();
    };
    app.filter(counted as Parameters<typeof app.filter>[0]);
    const ws = app.ws.bind(app) as TemplatedApp['ws'];
    // The filter is not called when a connection becomes a WebSocket, which is no longer counted.
    app.ws = (pattern, behavior) =>
      ws(pattern, {
        ...behavior,
        open(socket) {
          connections -= 1;
          return behavior.open?.(socket);
        },
      });
    parts.mount(app);
    return app;
  }

  function replace(): void {
    const app = makeChild();
    const before = serving.at(-1);
    serving.push(app);
    acceptor.addChildAppDescriptor(app.getDescriptor());
    if (before) acceptor.removeChildAppDescriptor(before.getDescriptor());
  }
  replace();

  return {
    async listen(host, port) {
      const { socket, port: taken } = await listenOn(acceptor, host, port);
      listening = socket;
      return taken;
    },
    reload() {
      if (parts.tls) replace();
    },
    refuse() {
      if (listening) us_listen_socket_close(listening);
      listening = undefined;
    },
    close() {
      for (const app of serving) app.close();
      acceptor.close();
    },
  };
}

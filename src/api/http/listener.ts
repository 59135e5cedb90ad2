// uWebSockets.js cannot change a certificate, and a listening socket that is closed resets the connections that wait in it. So one app
// only accepts, for ever, and hands each connection to the app of the newest certificate; older ones live on with their connections.

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

export interface Listener {
  /** Serves from now on; resolves with the port. Rejects with the reason where the address cannot be had. */
  listen(host: string, port: number): Promise<number>;
  /** Takes the certificate as its files are now, for new connections. Throws a sentence where it is no good; the old one stays. */
  reload(): void;
  /** Takes no more connections. */
  refuse(): void;
  /** Closes every connection. */
  close(): void;
}

// The declarations lack them.
interface Acceptor extends TemplatedApp {
  addChildAppDescriptor(descriptor: unknown): void;
  removeChildAppDescriptor(descriptor: unknown): void;
}
interface Child extends TemplatedApp {
  getDescriptor(): unknown;
}

/** An app; throws a sentence where its certificate is no good, and tells what is to be said against one that is used. */
function newApp(tls: TlsFiles | undefined, warn: (sentence: string) => void = () => {}): TemplatedApp {
  if (!tls) return App({});
  for (const sentence of checkCertificate(tls)) warn(sentence);
  return SSLApp({ cert_file_name: tls.certificate, key_file_name: tls.key, ssl_ciphers: CIPHERS });
}

/** Where clients connect. `mount` is given every app that serves, also those made later for a new certificate. */
export function createListener(parts: {
  readonly tls: TlsFiles | undefined;
  readonly maxConnections: number;
  readonly mount: (app: TemplatedApp) => void;
  /** Told what is to be said against a certificate that is used. */
  readonly warn: (sentence: string) => void;
}): Listener {
  const acceptor = newApp(parts.tls) as Acceptor;
  /** The last one takes what is new. */
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
    // One that becomes a WebSocket leaves without being counted down.
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

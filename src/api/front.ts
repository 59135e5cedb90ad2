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
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { listenOn } from './listen.ts';

/** Paths of PEM files. */
export interface TlsFiles {
  readonly certificate: string;
  readonly key: string;
}

export interface Front {
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

function usable<T>({ certificate, key }: TlsFiles, use: () => T): T {
  try {
    createSecureContext({ cert: readFileSync(certificate), key: readFileSync(key) });
    return use();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`the certificate ${certificate} with the key ${key} cannot be used: ${why}`);
  }
}

/** Throws a sentence where a certificate or its key is no good (uWebSockets.js itself does not say why). */
export const checkCertificate = (tls: TlsFiles): void => usable(tls, () => {});

/** An app; throws as above. */
const newApp = (tls: TlsFiles | undefined): TemplatedApp =>
  tls ? usable(tls, () => SSLApp({ cert_file_name: tls.certificate, key_file_name: tls.key })) : App({});

/** Where clients connect. `mount` is given every app that serves, also those made later for a new certificate. */
export function createFront(parts: {
  readonly tls: TlsFiles | undefined;
  readonly maxConnections: number;
  readonly mount: (app: TemplatedApp) => void;
}): Front {
  const acceptor = newApp(parts.tls) as Acceptor;
  /** The last one takes what is new. */
  const serving: Child[] = [];
  let listening: us_listen_socket | undefined;
  let connections = 0;

  function makeChild(): Child {
    const app = newApp(parts.tls) as Child;
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

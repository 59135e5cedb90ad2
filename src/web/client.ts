// Name and password stay in this closure. The stream cannot send headers, so it gets a ticket, valid once.
import type { Change, Control } from './wire.ts';

const AGAIN_MS = 2000;

interface Listener {
  /** The connection is open; what is known so far is outdated, and a snapshot follows. */
  opened(): void;
  closed(): void;
  change(change: Change): void;
  control(control: Control): void;
}

/** The API as one account uses it. */
export interface Client {
  /** Asks with GET. Rejects with an `Error` that has the API's own sentences. */
  get<T>(path: string): Promise<T>;
  /**
   * Follows all changes that the account may see, and reconnects when the connection is lost. The function
   * that is returned ends it.
   */
  listen(listener: Listener): () => void;
}

/** A client of the API with these credentials. The first request checks them. */
export function createClient(name: string, password: string): Client {
  const bytes = new TextEncoder().encode(`${name}:${password}`);
  const authorization = `Basic ${btoa(String.fromCharCode(...bytes))}`;

  async function ask<T>(method: string, path: string): Promise<T> {
    // Without `omit` the browser would ask for a password itself after a wrong one, and store it.
    const response = await fetch(path, { method, headers: { authorization }, credentials: 'omit' });
    const body = await response.json().catch(() => ({}));
    if (!response.ok) throw new Error(body.message?.join('; ') ?? response.statusText);
    return body;
  }

  function listen(listener: Listener): () => void {
    let ended = false;
    let socket: WebSocket | undefined;

    async function open(): Promise<void> {
      const { ticket } = await ask<{ ticket: string }>('POST', '/api/events/ticket');
      if (ended) return;
      const url = new URL(`/api/events?snapshot=1&ticket=${encodeURIComponent(ticket)}`, location.href);
      url.protocol = url.protocol.replace('http', 'ws');
      socket = new WebSocket(url);
      socket.onopen = listener.opened;
      socket.onclose = lost;
      socket.onmessage = ({ data }) => {
        const message: Change | Control = JSON.parse(data);
        if ('control' in message) listener.control(message);
        else listener.change(message);
      };
    }

    function lost(): void {
      if (ended) return;
      listener.closed();
      setTimeout(() => {
        if (!ended) open().catch(lost);
      }, AGAIN_MS);
    }

    open().catch(lost);
    return () => {
      ended = true;
      socket?.close();
    };
  }

  return { get: path => ask('GET', path), listen };
}

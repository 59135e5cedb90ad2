// HTTP as raw bytes over kept connections: Node's own client costs more than what is measured here.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { basic } from '../../../testkit/http.ts';

/** One HTTP answer. */
export interface Reply {
  readonly status: number;
  readonly body: string;
  /** The size of head and body together. */
  readonly bytes: number;
}

/** Connections to one port of this host. */
export interface Lines {
  /** Sends a request over a free connection, or over a new one. Rejects where the connection is closed. */
  ask(method: string, path: string, form?: Readonly<Record<string, string>>): Promise<Reply>;
  close(): void;
}

interface Line {
  send(bytes: string): Promise<Reply>;
  readonly socket: Socket;
}

const LIMIT_MS = 60_000;

async function openLine(port: number): Promise<Line> {
  const socket = connect(port, '127.0.0.1').setNoDelay(true);
  await once(socket, 'connect');
  let chunks: Buffer[] = [];
  let received = 0;
  let head: { status: number; size: number; end: number } | undefined;
  let answer: { resolve(reply: Reply): void; reject(error: Error): void } | undefined;

  function readHead(): typeof head {
    const text = Buffer.concat(chunks).toString('latin1');
    const end = text.indexOf('\r\n\r\n');
    if (end < 0) return undefined;
    const size = Number(/content-length: (\d+)/i.exec(text.slice(0, end))?.[1] ?? 0);
    return { status: Number(text.slice(9, 12)), size: end + 4 + size, end: end + 4 };
  }

  socket.on('data', chunk => {
    chunks.push(chunk);
    received += chunk.length;
    head ??= readHead();
    if (!head || received < head.size) return;
    const { status, size, end } = head;
    const whole = chunks;
    [chunks, received, head] = [[], 0, undefined];
    // Decoded lazily: most bodies are never read.
    answer?.resolve({
      status,
      bytes: size,
      get body() {
        return Buffer.concat(whole).subarray(end, size).toString();
      },
    });
  });
  const lost = (error: Error): void => answer?.reject(error);
  socket.setTimeout(LIMIT_MS, () => socket.destroy(new Error(`no answer within ${LIMIT_MS} ms`)));
  socket.on('error', lost);
  socket.on('close', () => lost(new Error('the connection was cut')));
  return {
    socket,
    send: bytes =>
      new Promise((resolve, reject) => {
        answer = { resolve, reject };
        socket.write(bytes);
      }),
  };
}

function requestOf(method: string, path: string, form?: Readonly<Record<string, string>>): string {
  const body = form ? new URLSearchParams(form).toString() : '';
  const lines = [
    `${method} ${path} HTTP/1.1`,
    'Host: localhost',
    `Authorization: ${basic('admin')}`,
    ...(form ? ['Content-Type: application/x-www-form-urlencoded'] : []),
    ...(form ? [`Content-Length: ${body.length}`] : []),
  ];
  return `${lines.join('\r\n')}\r\n\r\n${body}`;
}

/** Opens connections to a port on demand and reuses free ones. */
export function linesTo(port: number): Lines {
  const all = new Set<Socket>();
  let free: Line[] = [];

  async function open(): Promise<Line> {
    const line = await openLine(port);
    all.add(line.socket);
    // The service closes idle connections.
    line.socket.once('close', () => {
      all.delete(line.socket);
      free = free.filter(other => other !== line);
    });
    return line;
  }

  return {
    async ask(method, path, form) {
      const line = free.pop() ?? (await open());
      const reply = await line.send(requestOf(method, path, form));
      free.push(line);
      return reply;
    },
    close() {
      for (const socket of all) socket.destroy();
    },
  };
}

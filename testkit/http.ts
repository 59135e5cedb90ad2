// HTTP as raw bytes, for requests that no client library would send.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { conforms } from './conforms.ts';

export const PASSWORD = 'correct horse';

/** The value of an Authorization header. */
export const basic = (name: string, password = PASSWORD): string =>
  `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`;

/** The bytes of a request with Host and, unless `headers` say otherwise, the administrator's credentials. */
export function request(line: string, headers: readonly string[] = [], body = ''): string {
  return `${[`${line} HTTP/1.1`, 'Host: localhost', `Authorization: ${basic('admin')}`, ...headers].join('\r\n')}\r\n\r\n${body}`;
}

const isComplete = (received: string): boolean => {
  const end = received.indexOf('\r\n\r\n');
  const length = /content-length: (\d+)/i.exec(received)?.[1];
  return end >= 0 && length !== undefined && received.length >= end + 4 + Number(length);
};

const ANSWER = /^HTTP\/1\.1 (\d{3}) [^\r]*\r\n([\s\S]*?)\r\n\r\n([\s\S]*)$/;

/** Checks an answer against the OpenAPI document, unless uWebSockets.js has answered by itself. */
function checkAnswer(asked: string, received: string): void {
  const [, method = '', target = ''] = /^(\S+) (\S+) HTTP\/1\.1\r\n/.exec(asked) ?? [];
  const [, status, lines = '', content = ''] = ANSWER.exec(received) ?? [];
  const fields = [...lines.matchAll(/([^:\r\n]+): (.*)/g)];
  const headers = new Headers(fields.map(([, name = '', value = '']): [string, string] => [name, value]));
  if (!headers.has('x-request-id')) return;
  conforms(method, target, {
    status: Number(status),
    headers,
    text: Buffer.from(content, 'latin1').toString(),
  });
}

function exchange(
  port: number,
  bytes: string | Buffer,
  enough: (received: string, socket: Socket) => boolean,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let received = '';
    const limit = setTimeout(() => socket.destroy(new Error(`only this came back: ${received}`)), 60_000);
    socket.setEncoding('latin1');
    socket.on('data', data => {
      received += data;
      if (enough(received, socket)) socket.destroy();
    });
    // A connection that is closed while the request is still being sent is a valid refusal.
    let failure: Error | undefined;
    socket.on('error', error => {
      failure = error;
    });
    socket.on('close', () => {
      clearTimeout(limit);
      if (received === '' && failure) reject(failure);
      else resolve(received);
    });
    socket.write(bytes);
  });
}

/**
 * An idle connection, opened to show that connections closed meanwhile were not closed for idleness. `end`
 * resolves with whether it stayed open until then.
 */
export async function idleConnection(port: number): Promise<{ end(): Promise<boolean> }> {
  const socket = connect(port, '127.0.0.1').resume();
  await once(socket, 'connect');
  let isOpen = true;
  socket.once('close', () => {
    isOpen = false;
  });
  return {
    async end() {
      const wasOpen = isOpen;
      if (isOpen) {
        socket.destroy();
        await once(socket, 'close');
      }
      return wasOpen;
    },
  };
}

/**
 * Sends raw bytes to a port of this host; resolves with the received bytes when `enough` returns true or the
 * connection has ended. Without `enough`, waits for one whole answer, which has to conform to the OpenAPI
 * document.
 */
export async function sendRaw(
  port: number,
  bytes: string | Buffer,
  enough?: (received: string, socket: Socket) => boolean,
): Promise<string> {
  const received = await exchange(port, bytes, enough ?? isComplete);
  if (!enough) checkAnswer(Buffer.from(bytes as string).toString('latin1'), received);
  return received;
}

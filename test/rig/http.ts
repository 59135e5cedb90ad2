// HTTP as bytes, for what no client library would send.
import { connect, type Socket } from 'node:net';

export const PASSWORD = 'correct horse';

/** An Authorization header. */
export const basic = (name: string, password = PASSWORD): string =>
  `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`;

/** A request's bytes, with Host and, unless told otherwise, the administrator's credentials. */
export function request(line: string, headers: readonly string[] = [], body = ''): string {
  return `${[`${line} HTTP/1.1`, 'Host: localhost', `Authorization: ${basic('admin')}`, ...headers].join('\r\n')}\r\n\r\n${body}`;
}

const isComplete = (received: string): boolean => {
  const end = received.indexOf('\r\n\r\n');
  const length = /content-length: (\d+)/i.exec(received)?.[1];
  return end >= 0 && length !== undefined && received.length >= end + 4 + Number(length);
};

/**
 * Sends bytes as they are to a port of this machine; resolves with what came back until `enough` says so (one whole answer) or the
 * connection ended.
 */
export function sendRaw(
  port: number,
  bytes: string | Buffer,
  enough: (received: string, socket: Socket) => boolean = isComplete,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let received = '';
    const limit = setTimeout(() => socket.destroy(new Error(`only this came back: ${received}`)), 20_000);
    socket.setEncoding('latin1');
    socket.on('data', data => {
      received += data;
      if (enough(received, socket)) socket.destroy();
    });
    // A connection that is cut while we still send is one way to be refused.
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

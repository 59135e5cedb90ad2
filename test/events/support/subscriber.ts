// A client that checks every message against the service's AsyncAPI document.
import { once } from 'node:events';
import { get } from 'node:http';
import { get as getTls } from 'node:https';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { WebSocket } from 'ws';
import { asyncApi } from '../../../src/api/description/asyncapi.ts';
import type { ControlMessage, EventMessage } from '../../../src/api/description/event-schema.ts';
import { basic } from '../../../testkit/http.ts';
import { until } from '../../../testkit/until.ts';

export type Message = EventMessage | ControlMessage;

const messages: Record<string, { payload: object }> = JSON.parse(asyncApi()).components.messages;
const ajv = new Ajv2020({ strict: true, allErrors: true });
formats.default(ajv);
const checks = Object.entries(messages).map(([name, { payload }]) => [name, ajv.compile(payload)] as const);

/** Parses a message of the stream. Throws where the document describes no such message. */
export function checked(text: string): Message {
  const message = JSON.parse(text) as Message;
  const name = 'control' in message ? message.control : 'event';
  const check = checks.find(([known]) => known === name)?.[1];
  if (!check?.(message)) throw new Error(`not in the document: ${text} ${JSON.stringify(check?.errors)}`);
  return message;
}

export interface Subscriber {
  readonly messages: Message[];
  /** The sequences of the events so far. */
  sequences(): number[];
  events(): EventMessage[];
  controls(): ControlMessage[];
  /** Waits until at least `count` messages have arrived. */
  untilMessages(count: number): Promise<Message[]>;
  /** Waits for an event of this sequence, or a control message that names it. */
  untilSequence(sequence: number): Promise<void>;
  /** Resolves with the close code and its reason; 0 where the connection ended without a close frame. */
  readonly closed: Promise<{ code: number; reason: string }>;
  pause(): void;
  resume(): void;
  close(): void;
}

function collector() {
  const messages: Message[] = [];
  let broken: unknown;
  const last = () => messages.at(-1)?.sequence ?? -1;
  return {
    messages,
    take(text: string): void {
      try {
        messages.push(checked(text));
      } catch (error) {
        broken = error;
      }
    },
    /** Rejects all waits: no more messages will come. */
    giveUp(error: Error): void {
      broken ??= error;
    },
    events: () => messages.filter((message): message is EventMessage => 'specversion' in message),
    controls: () => messages.filter((message): message is ControlMessage => 'control' in message),
    sequences: () => messages.flatMap(message => ('specversion' in message ? message.sequence : [])),
    async untilMessages(count: number) {
      await until(
        () => messages.length >= count || (broken ? Promise.reject(broken) : false),
        `${count} messages`,
        {
          hint: () => JSON.stringify(messages),
        },
      );
      return messages;
    },
    async untilSequence(sequence: number) {
      await until(
        () => last() >= sequence || (broken ? Promise.reject(broken) : false),
        `sequence ${sequence}`,
        {
          hint: () => JSON.stringify(messages.slice(-3)),
        },
      );
    },
  };
}

interface Options {
  /** `name:password`; an empty text for none. */
  readonly as?: string;
  readonly headers?: Record<string, string>;
  /** Whether a WebSocket answers pings; by default it does. */
  readonly autoPong?: boolean;
}

const headersOf = ({ as = 'admin', headers = {} }: Options): Record<string, string> =>
  as === '' ? headers : { authorization: basic(...(as.split(':') as [string])), ...headers };

/**
 * Opens a WebSocket. Rejects with the status where it is refused. `base` is http:// or https:// with host and
 * port.
 */
export async function subscribe(base: string, query = '', options: Options = {}): Promise<Subscriber> {
  const url = `${base.replace('http', 'ws')}/api/events${query}`;
  const { autoPong = true } = options;
  const socket = new WebSocket(url, { headers: headersOf(options), rejectUnauthorized: false, autoPong });
  const collected = collector();
  socket.on('message', data => collected.take(String(data)));
  const closed = once(socket, 'close').then(([code, reason]) => ({
    code: code === 1006 ? 0 : code,
    reason: String(reason),
  }));
  closed.then(
    ({ code, reason }) => collected.giveUp(new Error(`closed with ${code} ${reason}`)),
    () => {},
  );
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
    socket.once('unexpected-response', (request, response) => {
      request.destroy();
      reject(new Error(`${response.statusCode} ${response.headers['x-error-code']}`));
    });
  });
  socket.on('error', error => collected.giveUp(error));
  return {
    ...collected,
    closed,
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    close: () => socket.terminate(),
  };
}

/** As `subscribe`, over Server-Sent Events; `id` is the Last-Event-ID that a browser would send. */
export async function subscribeSse(
  base: string,
  query = '',
  options: Options = {},
): Promise<Subscriber & { id(): string }> {
  const collected = collector();
  let id = '';
  let rest = '';
  const headers = { accept: 'text/event-stream', ...headersOf(options) };
  const url = `${base}/api/events${query}`;
  const request = base.startsWith('https:')
    ? getTls(url, { headers, rejectUnauthorized: false })
    : get(url, { headers });
  const [response] = await once(request, 'response');
  if (response.statusCode !== 200) {
    response.destroy();
    throw new Error(`${response.statusCode} ${response.headers['x-error-code']}`);
  }
  response.setEncoding('utf8').on('data', (text: string) => {
    const blocks = (rest + text).split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const lines = block.split('\n');
      for (const line of lines) if (line.startsWith('id: ')) id = line.slice(4);
      const data = lines.find(line => line.startsWith('data: '))?.slice(6);
      if (data !== undefined) collected.take(data);
    }
  });
  response.on('error', () => {});
  request.on('error', () => {});
  const closed = new Promise<{ code: number; reason: string }>(resolve => {
    response.once('close', () => resolve({ code: 0, reason: '' }));
  });
  return {
    ...collected,
    id: () => id,
    closed,
    pause: () => response.pause(),
    resume: () => response.resume(),
    close: () => request.destroy(),
  };
}

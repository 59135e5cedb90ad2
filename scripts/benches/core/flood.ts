// A flood of wrong logins, each with another name, so that no pair of account and address is slowed. Its
// argument is a port.
import { request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { basic } from '../../../testkit/http.ts';

/** How long a client that respects a 429 waits, in milliseconds: an eighth of its Retry-After. */
const HEED_MS = 250;
/** More clients than logins may wait for their hash. */
const CLIENTS = 128;

/** A request to this process. */
export interface Flood {
  /** Whether the flood is to go on. */
  readonly on: boolean;
  /** Whether clients that were answered 429 wait before they try again. */
  readonly heeding: boolean;
}

/** The number of answers by status since the flood began; sent when it has begun, and when it has ended. */
export type Seen = Readonly<Record<string, number>>;

const port = Number(process.argv[2]);
let seen: Record<string, number> = {};
let wanted: Flood = { on: false, heeding: true };
let clients: Promise<unknown> = Promise.resolve();

function login(name: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: basic(name, 'wrong') };
    const asked = request(
      { host: '127.0.0.1', port, path: '/api/disks', headers, agent: false },
      response => {
        response.resume().on('end', () => resolve(response.statusCode ?? 0));
      },
    );
    asked.on('error', reject).end();
  });
}

async function flood(client: number, answered: () => void): Promise<void> {
  for (let index = 0; wanted.on; index += 1) {
    const status = await login(`nobody-${client}-${index}-${Date.now()}`);
    seen[status] = (seen[status] ?? 0) + 1;
    answered();
    if (wanted.heeding && status === 429) await delay(HEED_MS);
  }
}

process.on('message', async (message: Flood) => {
  wanted = message;
  if (wanted.on) {
    seen = {};
    await new Promise<void>((resolve, reject) => {
      clients = Promise.all(Array.from({ length: CLIENTS }, (_, client) => flood(client, resolve)));
      clients.catch(reject);
    });
  } else {
    await clients;
  }
  process.send?.(seen);
});
process.send?.('ready');

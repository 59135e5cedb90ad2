// Three processes: this one, the service's own parts with a load of cold attachments, and the subscribers.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Received } from './events/subscribers.ts';

const help = `Usage: scripts/bench events [--seconds N] [--subscribers N] [--replay N]

Events are made by attaching and detaching disks, 1,000 a second, through the actors and the journal.

  --seconds N      how long the many subscribers listen (30)
  --subscribers N  how many they are (1000)
  --replay N       how many events one subscriber is sent from the log (1000000)
`;

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '30' },
    subscribers: { type: 'string', default: '1000' },
    replay: { type: 'string', default: '1000000' },
    help: { type: 'boolean' },
  },
});

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

function start(name: 'service' | 'subscribers', ...args: string[]): ChildProcess {
  const child = fork(new URL(`events/${name}.ts`, import.meta.url), args, { execArgv: ['--import=tsx'] });
  child.once('exit', status => {
    if (status !== 0 && status !== null) process.exit(1);
  });
  return child;
}

async function message<T>(child: ChildProcess): Promise<T> {
  const [value] = await once(child, 'message');
  return value as T;
}

const percentile = (sorted: Float64Array, part: number): string =>
  (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN).toFixed(2);

const mib = (bytes: number): string => `${Math.round(bytes / 1024 ** 2)} MiB`;

/** So many subscribers listen to the load for a while. */
async function listen(directory: string, subscribers: number, seconds: number): Promise<void> {
  const service = start('service', directory);
  const { port } = await message<{ port: number }>(service);
  const clients = start('subscribers', String(port), String(subscribers), '');
  await message(clients);
  service.send({ seconds, perSecond: 1000 });
  const made = await message<{ durable: Record<number, number>; last: number; first: number; peak: number }>(
    service,
  );
  clients.send({ last: made.last });
  const received = await message<Received>(clients);
  clients.kill();
  service.kill();
  const latencies = Float64Array.from(
    received.samples.flatMap(({ sequence, at }) => {
      const durable = made.durable[sequence];
      return durable === undefined || sequence < made.first ? [] : at - durable;
    }),
  ).sort();
  const events = made.last - made.first + 1;
  const total = made.last * subscribers;
  say(
    `${subscribers} subscribers, ${Math.round(events / seconds)} events/s for ${seconds} s: ${received.events} of ${total} received, ` +
      `${received.gaps} gaps or doubles; durable to received p50 ${percentile(latencies, 0.5)} ms, ` +
      `p99 ${percentile(latencies, 0.99)} ms; service at most ${mib(made.peak)}`,
  );
}

/** One subscriber is sent a long log. */
async function replay(directory: string, events: number): Promise<void> {
  const service = start('service', directory, String(events));
  const { port, rss } = await message<{ port: number; rss: number }>(service);
  const clients = start('subscribers', String(port), '1', '?since=0');
  const begun = performance.now();
  clients.send({ last: events });
  const received = await message<Received>(clients);
  const seconds = (performance.now() - begun) / 1000;
  service.send({ seconds: 0, perSecond: 0 });
  const { peak } = await message<{ peak: number }>(service);
  clients.kill();
  service.kill();
  say(
    `replay of ${events} events to one subscriber: ${received.events} received, ${received.gaps} gaps or doubles, ` +
      `${Math.round(events / seconds)} events/s; service ${mib(rss)} before, at most ${mib(peak)} meanwhile`,
  );
}

if (values.help) {
  say(help.trimEnd());
} else {
  const directory = await mkdtemp(join(tmpdir(), 'pdisk-bench-'));
  try {
    await listen(join(directory, 'few'), 100, Math.min(10, Number(values.seconds)));
    await listen(join(directory, 'many'), Number(values.subscribers), Number(values.seconds));
    await replay(join(directory, 'replay'), Number(values.replay));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

// Three processes: this one, the service's own parts with a load of cold attachments, and the subscribers.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Made } from './events/service.ts';
import type { Received } from './events/subscribers.ts';

const help = `Usage: scripts/bench events [OPTION...]

Events are made by attaching and detaching disks, through the actors and the group commit.

  few     100 subscribers, 1,000 events a second for 10 s: how long an event takes from durable to received
  many    so many subscribers, 1,000 events a second
  slow    one of two subscribers stops reading for a while in which 100,000 events pass
  replay  one subscriber is sent a long log

  --only NAME      one of these; all by default
  --seconds N      how long the many subscribers listen (30)
  --subscribers N  how many they are (1000)
  --stop N         for how many seconds the slow one stops (60)
  --replay N       how many events are in the long log (1000000)
`;

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    seconds: { type: 'string', default: '30' },
    subscribers: { type: 'string', default: '1000' },
    stop: { type: 'string', default: '60' },
    replay: { type: 'string', default: '1000000' },
    help: { type: 'boolean' },
  },
});

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

function start(name: 'service' | 'subscribers' | 'fill', ...args: string[]): ChildProcess {
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

async function end(...children: ChildProcess[]): Promise<void> {
  const ended = children.map(child => once(child, 'exit'));
  for (const child of children) child.kill();
  await Promise.all(ended);
}

const percentile = (sorted: Float64Array, part: number): string =>
  (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN).toFixed(2);

const mib = (bytes: number | undefined): string => `${Math.round((bytes ?? Number.NaN) / 1024 ** 2)} MiB`;

/** Latencies from durable to received, of some events of the first hundred subscribers. */
function latencies({ samples }: Received, { durable, first }: Made): string {
  const sorted = Float64Array.from(
    samples.flatMap(({ sequence, at }) => {
      const since = durable[sequence];
      return since === undefined || sequence < first ? [] : at - since;
    }),
  ).sort();
  return `durable to received p50 ${percentile(sorted, 0.5)} ms, p99 ${percentile(sorted, 0.99)} ms`;
}

const lost = ({ events, gaps }: Received, total: number): string =>
  `${events} of ${total} received, ${gaps} gaps or doubles`;

/** Measures the latency of many subscribers. */
async function listen(directory: string, subscribers: number, seconds: number): Promise<void> {
  const service = start('service', directory);
  const { port } = await message<{ port: number }>(service);
  const clients = start('subscribers', String(port), String(subscribers), '');
  await message(clients);
  service.send({ seconds, perSecond: 1000 });
  const made = await message<Made>(service);
  clients.send({ last: made.last });
  const received = await message<Received>(clients);
  await end(clients, service);
  const perSecond = Math.round((made.last - made.first + 1) / seconds);
  say(
    `${subscribers} subscribers, ${perSecond} events/s for ${seconds} s: ${lost(received, made.last * subscribers)}; ` +
      `${latencies(received, made)}; service at most ${mib(Math.max(...made.memory))}`,
  );
}

/** Measures two subscribers, one of which stops reading while 100,000 events pass. */
async function stop(directory: string, seconds: number): Promise<void> {
  const EVENTS = 100_000;
  const service = start('service', directory);
  const { port } = await message<{ port: number }>(service);
  const [slow, other] = [1, 2].map(() => start('subscribers', String(port), '1', ''));
  if (!slow || !other) return;
  await Promise.all([message(slow), message(other)]);
  slow.send('pause');
  const paused = performance.now();
  service.send({ seconds, perSecond: EVENTS / seconds });
  const made = await message<Made>(service);
  other.send({ last: made.last });
  const read = await message<Received>(other);
  const begun = performance.now();
  const stopped = Math.round((begun - paused) / 1000);
  slow.send('resume');
  slow.send({ last: made.last });
  const late = await message<Received>(slow);
  const after = (performance.now() - begun) / 1000;
  await end(slow, other, service);
  const [before] = made.memory;
  say(
    `one of two stops for ${stopped} s and ${made.last - made.first + 1} events: ${lost(late, made.last)}, ${after.toFixed(1)} s after it reads again; ` +
      `the other ${lost(read, made.last)}, ${latencies(read, made)}; service ${mib(before)} before, at most ${mib(Math.max(...made.memory))}`,
  );
}

/** Measures the replay of a long log to one subscriber. */
async function replay(directory: string, events: number): Promise<void> {
  await once(start('fill', directory, String(events)), 'exit');
  const service = start('service', directory);
  const { port } = await message<{ port: number }>(service);
  service.send({ seconds: 0, perSecond: 0 });
  const idle = await message<Made>(service);
  const clients = start('subscribers', String(port), '1', '?since=0');
  const begun = performance.now();
  clients.send({ last: events });
  const received = await message<Received>(clients);
  const seconds = (performance.now() - begun) / 1000;
  service.send({ seconds: 0, perSecond: 0 });
  const { memory } = await message<Made>(service);
  await end(clients, service);
  const tenth = Math.floor(memory.length / 10);
  say(
    `replay of ${events} events to one subscriber: ${lost(received, events)}, ${Math.round(events / seconds)} events/s; ` +
      `service ${mib(idle.memory.at(-1))} before, at most ${mib(Math.max(...memory.slice(0, tenth)))} in the first tenth of the time, ` +
      `${mib(Math.max(...memory.slice(tenth)))} after it, ${mib(memory.at(-1))} at the end`,
  );
}

if (values.help) {
  say(help.trimEnd());
} else {
  const directory = await mkdtemp(join(tmpdir(), 'pdisk-bench-'));
  const parts: Record<string, () => Promise<void>> = {
    few: () => listen(join(directory, 'few'), 100, Math.min(10, Number(values.seconds))),
    many: () => listen(join(directory, 'many'), Number(values.subscribers), Number(values.seconds)),
    slow: () => stop(join(directory, 'slow'), Number(values.stop)),
    replay: () => replay(join(directory, 'replay'), Number(values.replay)),
  };
  try {
    for (const [name, part] of Object.entries(parts)) {
      if (name === (values.only ?? name)) await part();
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { createHypervisor } from '../../../src/hypervisor/create.ts';
import type { DiskSpec, Hypervisor, NodeWatcher, PlugOutcome } from '../../../src/hypervisor/hypervisor.ts';
import type { Times } from '../../../src/hypervisor/operations.ts';
import { type FakeLibvirtd, startFakeLibvirtd } from '../../../testkit/fakes/libvirtd.ts';
import { until } from '../../../testkit/until.ts';

/** Pauses are short; time limits that a busy host must not reach are long. */
const times: Times = {
  connectMs: 60_000,
  retryMs: 20,
  pollMs: 50,
  askAgainMs: 300,
  lastLookMs: 60_000,
  settlingMs: 40,
  idleMs: 60_000,
};

/** A new fake libvirtd, and the folder of its socket. */
export async function fakeLibvirtd(t: ExecutionContext, unplugMs = 5): Promise<FakeLibvirtd> {
  const directory = await mkdtemp(join(tmpdir(), 'pdisk-fake-'));
  const fake = await startFakeLibvirtd({ unix: join(directory, 'sock'), unplugMs });
  t.teardown(async () => {
    await fake.stop();
    await rm(directory, { recursive: true });
  });
  return fake;
}

interface Line {
  readonly level: 'info' | 'warn';
  readonly sentence: string;
}

/** A hypervisor with these nodes, closed after the test. */
export function hypervisorOf(
  t: ExecutionContext,
  nodes: Readonly<Record<string, string>>,
  more: Partial<Times> = {},
): { hypervisor: Hypervisor; lines: Line[] } {
  const lines: Line[] = [];
  const hypervisor = createHypervisor({
    nodes: new Map(Object.entries(nodes)),
    vmNames: ['{vm_id}', 'one-{vm_id}'],
    log: {
      info: (_, sentence) => lines.push({ level: 'info', sentence }),
      warn: (_, sentence) => lines.push({ level: 'warn', sentence }),
    },
    times: { ...times, ...more },
  });
  t.teardown(() => hypervisor.close());
  return { hypervisor, lines };
}

/** A fake libvirtd, a hypervisor with it as node `n`, and the lines of its log. */
export interface FakeNode {
  readonly fake: FakeLibvirtd;
  readonly hypervisor: Hypervisor;
  readonly lines: readonly Line[];
}

/** One fake node, `n`, and a hypervisor with that node. */
export async function fakeNode(t: ExecutionContext, more: Partial<Times> = {}): Promise<FakeNode> {
  const fake = await fakeLibvirtd(t);
  return { fake, ...hypervisorOf(t, { n: fake.uri }, more) };
}

/** Restarts the fake libvirtd, and waits until both connections of the node are new ones. */
export async function restartFake({
  fake,
  hypervisor,
}: Pick<FakeNode, 'fake' | 'hypervisor'>): Promise<void> {
  await fake.stop();
  const { made } = fake.connections;
  await fake.listen();
  await until(
    () => fake.connections.made >= made + 2 && hypervisor.status()[0]?.state === 'up',
    'the node to be back',
  );
}

/** A new disk at vdb, on a file. */
export function diskSpec(more: Partial<DiskSpec> = {}): DiskSpec {
  const disk = more.disk ?? randomUUID();
  return {
    disk,
    source: { type: 'file', path: `/pool/${disk}.raw` },
    target: 'vdb',
    shareable: false,
    ...more,
  };
}

/** Unplug without conditions on the path that the VM writes to and on the host that answers. */
export const ANYWHERE = { source: null, host: null } as const;

/** The outcome of a plug into the current run of a VM. */
export const pluggedInto = ({ fake }: Pick<FakeNode, 'fake'>, name = 'a'): PlugOutcome => ({
  kind: 'plugged',
  run: { host: fake.hostUuid, id: fake.domain(name).id },
});

/** A watcher with only these handlers; the others do nothing. */
export const watcher = (heard: Partial<NodeWatcher>): NodeWatcher => ({
  up() {},
  running() {},
  left() {},
  ended() {},
  changed() {},
  deviceRemoved() {},
  deviceAdded() {},
  ...heard,
});

/** A deadline, in milliseconds since 1970. */
export const inMs = (ms: number): number => Date.now() + ms;

/** A deadline that is never reached: ava's time-out comes first. */
export const farOff = (): number => inMs(3_600_000);
/** A deadline that the test waits for: three quarters of the time are for requests, one for the last look. */
export const near = (): number => inMs(6000);

/** A signal that is never aborted. */
export const never = (): AbortSignal => new AbortController().signal;

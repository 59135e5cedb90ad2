import test from 'ava';
import { pino } from 'pino';
import { logChanges } from '../../src/events/change-log.ts';
import { change } from './support/memory-log.ts';

function logged(level: string) {
  const lines: Record<string, unknown>[] = [];
  const log = pino({ level }, { write: line => lines.push(JSON.parse(line)) });
  return { lines, tell: logChanges(log) };
}

const attachment = { id: 'a', node: 'n1', vmId: '7', target: 'vda', mode: 'hot', by: 'alice' } as const;
const died = change(1, {
  type: 'disk.detached',
  attachment,
  from: 'hot-attached',
  to: 'unclaimed',
  cause: { kind: 'machine-stopped' },
});
const kept = change(2, {
  type: 'disk.detach-failed',
  attachment,
  from: 'detaching',
  to: 'hot-attached',
  problem: { code: 'GUEST_KEPT_DISK', detail: 'no answer' },
  cause: { kind: 'request', request: 'r1', account: 'alice', accountId: 'x' },
});
const waiting = change(3, { type: 'disk.state-changed', attachment, to: 'detaching', deadline: 1 });
const wiping = change(4, { type: 'disk.wiping', progress: 50 });

test('the log tells what became of a disk, on which VM, and why, also where no request asked', t => {
  const { lines, tell } = logged('info');
  tell([died, kept, waiting, wiping]);
  t.is(lines.length, 2);
  const where = { disk: died.subject, node: 'n1', vm: '7', target: 'vda' };
  t.like(lines[0], {
    ...where,
    event: 'disk.detached',
    from: 'hot-attached',
    to: 'unclaimed',
    cause: 'machine-stopped',
  });
  const problem = { code: 'GUEST_KEPT_DISK', detail: 'no answer' };
  t.like(lines[1], { ...where, event: 'disk.detach-failed', request: 'r1', account: 'alice', problem });
});

test('starts of operations and progress are logged at debug only', t => {
  const { lines, tell } = logged('debug');
  tell([died, kept, waiting, wiping]);
  t.deepEqual(
    lines.map(({ sequence }) => sequence),
    [1, 2, 3, 4],
  );
});

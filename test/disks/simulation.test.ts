import assert from 'node:assert/strict';
import test from 'ava';
import fc from 'fast-check';
import { attachmentKey, diskKey } from '../../machines/notes.ts';
import { isWaiting, type Message } from '../../src/disks/records/records.ts';
import { createWorld, timeouts, vmOf, type Work } from './support/world.ts';

const run = { host: 'the host', id: 1 };

/** What a node may say of a VM: it ended, lost the device, goes on elsewhere, runs there, is not found. */
const NEWS = {
  dead: {
    type: 'FOUND',
    found: {
      at: 'nowhere',
      silent: [],
      unread: [],
      over: true,
      defined: [],
      end: { how: 'destroyed', node: 'n', host: run.host, watched: run.id },
    },
    alarm: null,
  },
  gone: { type: 'DEVICE_GONE', alarm: null, defined: false },
  migrated: { type: 'LEFT', seen: 'migrated' },
  saved: { type: 'LEFT', seen: 'saved' },
  lost: {
    type: 'FOUND',
    found: {
      at: 'nowhere',
      silent: ['another node is silent'],
      unread: [],
      end: null,
      over: false,
      defined: [],
    },
    alarm: null,
  },
} as const satisfies Record<string, Message>;

/** The result of an effect: 0 success, 1 certain failure, 2 unknown or refused by the guest. */
function outcomeOf({ note }: Work, luck: number): Message {
  const { attempt } = note.context;
  const problem = { code: 'PLUG_UNKNOWN' as const, detail: '' };
  const of = <First, Second, Third>(...types: [First, Second, Third]) => types[luck % 3] ?? types[0];
  switch (note.name) {
    case 'createVolume':
      return luck % 3 === 0
        ? { type: 'VOLUME_CREATED', attempt }
        : { type: 'VOLUME_FAILED', attempt, problem };
    case 'resizeVolume':
      return { type: of('RESIZED', 'NOT_RESIZED', 'RESIZE_PENDING'), attempt, problem };
    case 'wipeVolume': {
      const of = note.context.sizeGiB * 2 ** 30;
      if (luck === 1) return { type: 'WIPE_FAILED', attempt, problem };
      return { type: 'WIPED', attempt, bytes: luck === 0 ? of : Math.min(of, 2 ** 28), of };
    }
    case 'deleteVolume':
      return luck % 3 === 0
        ? { type: 'VOLUME_DELETED', attempt }
        : { type: 'REMOVE_FAILED', attempt, problem };
    case 'plug':
      if (luck === 0) return { type: 'PLUGGED', attempt, run };
      return { type: luck === 1 ? 'PLUG_REFUSED' : 'PLUG_UNKNOWN', attempt, problem };
    case 'unplug':
      return { type: of('UNPLUGGED', 'KEPT', 'UNPLUG_FAILED'), attempt, problem };
  }
}

const step = fc.oneof(
  fc.record({ do: fc.constant('create' as const), disk: fc.nat(2), limit: fc.integer({ min: 1, max: 2 }) }),
  fc.record({
    do: fc.constantFrom('hotattach' as const, 'hotdetach' as const),
    disk: fc.nat(2),
    vm: fc.nat(3),
  }),
  fc.record({ do: fc.constant('delete' as const), disk: fc.nat(2), wipe: fc.boolean() }),
  fc.record({ do: fc.constant('grow' as const), disk: fc.nat(2), sizeGiB: fc.integer({ min: 1, max: 4 }) }),
  fc.record({ do: fc.constant('outcome' as const), which: fc.nat(3), luck: fc.nat(2) }),
  fc.record({
    do: fc.constantFrom(
      'dead' as const,
      'gone' as const,
      'migrated' as const,
      'saved' as const,
      'lost' as const,
    ),
    vm: fc.nat(3),
  }),
  fc.record({ do: fc.constant('lands' as const), vm: fc.nat(3), has: fc.boolean() }),
  fc.record({ do: fc.constantFrom('batch' as const, 'deadline' as const, 'crash' as const) }),
);

test('in any order of events records agree, no limit is exceeded, and every chart comes to rest', async t => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60 }), async steps => {
      let world = createWorld();
      let ids = 0;
      const ignore = (): void => {};
      const hotOn = (vm: number) =>
        [...world.decided.attachments()].filter(one => one.context.vm.domain === vmOf(String(vm)).domain);

      for (const one of steps) {
        if (one.do === 'create') world.create(`disk-${one.disk}`, one.limit).catch(ignore);
        if (one.do === 'delete') {
          world
            .send(diskKey(`disk-${one.disk}`), { type: 'DELETE', wipe: one.wipe, holder: null })
            .catch(ignore);
        }
        if (one.do === 'grow') {
          const grow = { sizeGiB: one.sizeGiB, roomGiB: 100, quotaGiB: 100, attaching: false };
          world.send(diskKey(`disk-${one.disk}`), { type: 'RESIZE', ...grow }).catch(ignore);
        }
        if (one.do === 'hotattach') {
          ids += 1;
          world.hotattach(`disk-${one.disk}`, `a${ids}`, vmOf(String(one.vm))).catch(ignore);
        }
        if (one.do === 'hotdetach') {
          const there = hotOn(one.vm).find(found => found.context.disk === `disk-${one.disk}`);
          if (there) world.send(attachmentKey(there.context.id), { type: 'HOTDETACH' }).catch(ignore);
        }
        if (one.do in NEWS && 'vm' in one) {
          const news = NEWS[one.do as keyof typeof NEWS];
          for (const { context } of hotOn(one.vm)) {
            world.send(attachmentKey(context.id), news).catch(ignore);
          }
        }
        if (one.do === 'lands') {
          for (const { context } of hotOn(one.vm)) {
            const vm = { ...context.vm, host: 'm', node: 'm' };
            const found = {
              at: 'running' as const,
              homeIsSilent: false,
              defined: [],
              vm,
              run,
              disks: one.has ? [context.disk] : [],
            };
            world.send(attachmentKey(context.id), { type: 'FOUND', found, alarm: null }).catch(ignore);
          }
        }
        if (one.do === 'outcome') {
          const [work] = world.works.splice(one.which % Math.max(1, world.works.length), 1);
          work?.bring(outcomeOf(work, one.luck));
          await world.arriveAll();
        }
        if (one.do === 'batch') await world.arriveAll();
        if (one.do === 'deadline') {
          world.clock.now += timeouts.claiming;
          world.system.sweep();
        }
        if (one.do === 'crash') {
          const { now } = world.clock;
          void world.system.stop();
          world = createWorld(world.disk);
          world.clock.now = now;
          resumeAll(world);
        }
        agree(world);
      }

      // From here on no effect fails.
      await world.arriveAll();
      for (let round = 0; round < 50 && busy(world); round += 1) {
        while (world.works.length > 0) {
          for (const work of world.works.splice(0)) work.bring(outcomeOf(work, 0));
          await world.arriveAll();
        }
        world.clock.now += timeouts.claiming;
        world.system.sweep();
        await world.arriveAll();
      }
      assert.deepEqual([waiting(world), world.works.map(work => work.note)], [[], []]);
      agree(world);
      assert.deepEqual(world.faults, []);
      for (const kept of world.decided.disks()) {
        assert.deepEqual(world.disk.get(diskKey(kept.context.uuid)), kept);
      }
    }),
    { numRuns: 300 },
  );
  t.pass();
});

const agree = (world: World): void => assert.deepEqual(world.differences(), []);

type World = ReturnType<typeof createWorld>;

const waiting = (world: World): string[] => [
  ...[...world.decided.disks()].filter(isWaiting).map(one => diskKey(one.context.uuid)),
  ...[...world.decided.attachments()].filter(isWaiting).map(one => attachmentKey(one.context.id)),
];

const busy = (world: World): boolean => world.works.length > 0 || waiting(world).length > 0;

function resumeAll(world: World): void {
  for (const key of waiting(world)) world.send(key, { type: 'RESUME' }).catch(() => {});
}

import { diskOperations } from './disk-operations.ts';
import type { Point } from './plan.ts';
import type { Site } from './site.ts';
import type { Operation, Trial } from './trial.ts';
import { vmOperations } from './vm-operations.ts';

const always = (): boolean => true;

/** The start of a service that was killed within an operation: the recovery is killed as well. */
function recovery(of: string, point: Point): Operation {
  const operation = [...diskOperations, ...vmOperations].find(({ name }) => name === of);
  if (!operation) throw new Error(`there is no operation ${of}`);
  return {
    name: `recovery from a kill within ${of}`,
    starts: true,
    async prepare(site) {
      const trial = await operation.prepare(site);
      const key = `first-${site.next()}`;
      await site.running.arm({ ...point, happening: 'kill' });
      const answer = await trial.act(key);
      if (!site.running.hasEnded())
        throw new Error(`${of} was answered ${answer?.status} without ${point.name}\n${site.running.log()}`);
      // A repetition is one of the request before the start.
      return { ...trial, act: () => trial.act(key) };
    },
  };
}

const started = (site: Site): Trial => ({
  act: async () => undefined,
  done: always,
  undone: () => site.running.hasEnded(),
});

/** Starts, recoveries and the stop of the service. */
export const lifeOperations: readonly Operation[] = [
  recovery('hotattach', { name: 'after n1 domainAttachDeviceFlags', nth: 1 }),
  recovery('hotdetach', { name: 'after n1 domainDetachDeviceAlias', nth: 1 }),
  recovery('create', { name: 'after ftruncate data/pool/UUID.raw', nth: 1 }),
  recovery('delete', { name: 'after unlink data/pool/UUID.raw', nth: 1 }),
  recovery('resize under a VM', { name: 'before n1 domainBlockResize', nth: 1 }),
  {
    name: 'first start',
    starts: true,
    anew: true,
    prepare: async site => started(site),
  },
  {
    name: 'start',
    starts: true,
    async prepare(site) {
      await site.running.end('SIGTERM');
      return started(site);
    },
  },
  {
    name: 'stop',
    stops: true,
    async prepare(site) {
      return {
        async act() {
          await site.running.end('SIGTERM');
          return undefined;
        },
        done: always,
        undone: always,
      };
    },
  },
];

import { until } from '../../../testkit/until.ts';
import type { Site } from './site.ts';
import {
  diskIn,
  nameVm,
  newDisk,
  newVm,
  type Operation,
  pluggedDisk,
  succeeded,
  type Trial,
} from './trial.ts';
import type { DiskSeen, View } from './view.ts';

const usersOf = (view: View, uuid: string): number | undefined => diskIn(view, uuid)?.users;
const isIn = (view: View, uuid: string): boolean => view.live.some(({ disk }) => disk === uuid);

/** Waits until the disk, as it is shown, is as wanted, or the process has ended. */
async function untilDisk(
  site: Site,
  uuid: string,
  isWanted: (disk: DiskSeen) => boolean,
): Promise<undefined> {
  await until(
    async () => {
      const answer = await site.ask('GET', `/api/disks/${uuid}?view=full`);
      return site.running.hasEnded() || (answer?.status === 200 && isWanted(answer.body as DiskSeen));
    },
    `what is to become of disk ${uuid}`,
    { hint: () => site.running.log() },
  );
  return undefined;
}

/**
 * The end of a VM that has a disk. A service that did not see it cannot know it in every case: then the disk
 * waits for a person, who says so.
 */
async function death(site: Site, end: (name: string) => void): Promise<Trial> {
  const { uuid, vm } = await pluggedDisk(site);
  return {
    async act() {
      end(vm.name);
      return untilDisk(site, uuid, ({ attachments: [one] }) => one === undefined || one.doubt !== null);
    },
    done: view => usersOf(view, uuid) === 0,
    undone: view => diskIn(view, uuid)?.attachments[0]?.doubt !== null && !isIn(view, uuid),
    allowed: { doubt: uuid },
  };
}

/** A difference that only a comparison of records and domains can find; it must be found in any case. */
const compared = (site: Site, uuid: string, users: number, differ: () => void): Trial => ({
  async act() {
    differ();
    site.n1.dropConnections();
    return untilDisk(site, uuid, disk => disk.users === users);
  },
  done: view => usersOf(view, uuid) === users,
  undone: () => false,
});

/** Operations that concern VMs. */
export const vmOperations: readonly Operation[] = [
  {
    name: 'hotattach',
    isRequest: true,
    async prepare(site) {
      const [uuid, vm] = [await newDisk(site), newVm(site)];
      return {
        act: key => site.ask('POST', `/api/hotattach/${uuid}`, { as: 'alice', form: vm.form, key }),
        done: view => usersOf(view, uuid) === 1 && isIn(view, uuid),
        undone: view => usersOf(view, uuid) === 0 && !isIn(view, uuid),
        repeated: succeeded,
      };
    },
  },
  {
    name: 'hotdetach',
    isRequest: true,
    async prepare(site) {
      const { uuid, vm } = await pluggedDisk(site);
      return {
        act: key => site.ask('POST', `/api/hotdetach/${uuid}`, { as: 'alice', form: vm.form, key }),
        done: view => usersOf(view, uuid) === 0 && !isIn(view, uuid),
        undone: view => usersOf(view, uuid) === 1 && isIn(view, uuid),
        repeated: succeeded,
      };
    },
  },
  {
    name: 'attach',
    isRequest: true,
    async prepare(site) {
      const [uuid, vm] = [await newDisk(site), nameVm(site)];
      return {
        act: key => site.ask('POST', `/api/attach/${uuid}`, { as: 'cloud', form: vm.form, key }),
        done: view => usersOf(view, uuid) === 1,
        undone: view => usersOf(view, uuid) === 0,
        repeated: succeeded,
      };
    },
  },
  {
    name: 'detach of two disks',
    isRequest: true,
    async prepare(site) {
      const uuids = [await newDisk(site), await newDisk(site)];
      const vm = nameVm(site);
      for (const uuid of uuids)
        await site.demand('POST', `/api/attach/${uuid}`, { as: 'cloud', form: vm.form });
      return {
        act: key => site.ask('POST', '/api/detach', { as: 'cloud', form: vm.form, key }),
        done: view => uuids.every(uuid => usersOf(view, uuid) === 0),
        undone: view => uuids.every(uuid => usersOf(view, uuid) === 1),
        repeated: succeeded,
      };
    },
  },
  { name: 'shutdown of a VM', prepare: site => death(site, site.n1.poweroff) },
  { name: 'death of a VM', prepare: site => death(site, site.n1.kill) },
  {
    name: 'pass that finds a device gone',
    async prepare(site) {
      const { uuid, vm } = await pluggedDisk(site);
      return compared(site, uuid, 0, () => {
        site.n1.domain(vm.name).disks.length = 0;
      });
    },
  },
  {
    name: 'pass that finds a device without a record',
    async prepare(site) {
      const [model, uuid, vm] = [await pluggedDisk(site), await newDisk(site), newVm(site)];
      const [disk] = site.n1.domain(model.vm.name).disks;
      return compared(site, uuid, 1, () => {
        if (!disk) throw new Error('no disk to take as a model');
        const renamed = (text: string): string => text.replace(model.uuid, uuid);
        site.n1.domain(vm.name).disks.push({
          ...disk,
          alias: renamed(disk.alias),
          source: renamed(disk.source),
          serial: uuid.replaceAll('-', ''),
        });
      });
    },
  },
];

// The service, or the program that wipes for it, is killed while the first piece of a deleted disk is wiped.
import { type Service, startService } from '../../testkit/service.ts';
import { until } from '../../testkit/until.ts';
import { readAt, writeAt } from '../storage/support/pool-suite.ts';
import { createVolumeGroup, extentsOf, firstNonZero, guestTest, programs } from './support/guest.ts';

const GIB = 2 ** 30;
const LONG = { timeoutMs: 240_000 };
/** Often enough for a piece of two seconds; reading all of /proc costs a guest much. */
const OFTEN = { ...LONG, everyMs: 20 };
/** In MiB per second: the first piece, of two seconds, ends far before the middle of the disk. */
const RATE = 128;
const secret = Buffer.alloc(4096, 'secret');

const pidOfWiper = async (device: string): Promise<number | undefined> => {
  const found = [...(await programs())].find(
    ([, line]) => line.includes('blkdiscard') && line.includes(device),
  );
  return found && Number(found[0]);
};

/** Kills the program that wipes the device while it works. */
async function killWiper(device: string): Promise<void> {
  await until(
    async () => {
      const pid = await pidOfWiper(device);
      try {
        return pid !== undefined && process.kill(pid, 'SIGKILL');
      } catch {
        // The program has ended already; there are more pieces to come.
        return false;
      }
    },
    'a program that wipes',
    OFTEN,
  );
}

async function killService(service: Service, device: string): Promise<void> {
  await until(() => pidOfWiper(device), 'a program that wipes', OFTEN);
  await service.kill();
}

for (const wipe of ['zero', 'discard'] as const) {
  guestTest.serial(
    `interrupted in its first piece, wiping (${wipe}) is resumed and leaves nothing`,
    async t => {
      const vg = `wipe-${wipe}`;
      const group = await createVolumeGroup(vg);
      const service = await startService({ pool: `lvm:${vg}`, wipe, wipe_rate: RATE, nodes: {} });
      t.teardown(async () => {
        if (!t.passed) t.log(service.log().slice(-3000));
        await service.remove();
        await group.remove();
      });
      const deviceOf = (uuid: string): string => `/dev/${vg}/pdisk-${uuid}`;
      const places = [0, GIB / 2, GIB - 4096];

      /** Deletes a disk full of secrets, and interrupts the wiping of its device in the first piece. */
      async function deleted(uuid: string, interrupt: (device: string) => Promise<void>): Promise<string> {
        const device = deviceOf(uuid);
        for (const at of places) await writeAt(device, at, secret);
        const extents = await extentsOf(vg, uuid);
        t.is((await service.call('DELETE', `/api/disks/${uuid}`)).status, 200);
        t.deepEqual((await service.call('GET', '/api/disks')).body, []);
        await interrupt(device);
        for (const at of places.slice(1))
          t.deepEqual(await readAt(device, at, 4096), secret, 'it was too late');
        return extents;
      }

      async function nextThere(extents: string): Promise<string> {
        await until(
          async () => (await group.leftOver()).length === 0,
          'nothing to be left of the volume',
          LONG,
        );
        const next = await service.create();
        t.is(await extentsOf(vg, next), extents);
        t.is(await firstNonZero(deviceOf(next)), undefined);
        return next;
      }

      const first = await deleted(await service.create(), async device => {
        await killService(service, device);
      });
      await service.start();
      const next = await nextThere(first);
      const second = await deleted(next, killWiper);
      await until(() => /volume not wiped/.test(service.log()), 'the failure in the log', LONG);
      await nextThere(second);
    },
  );
}

// Two hosts and a disk plugged into a VM that migrates between them: the service shows it where it is, and no
// other VM gets it before this VM has ended.
import { libvirtTest } from '../../testkit/libvirt-test.ts';
import { beginMigration, failures, killInSwitchOver } from '../../testkit/migration.ts';
import {
  endScene,
  newName,
  scene,
  services,
  startRivals,
  untilItIsAt,
  useTwoHosts,
} from './support/two-hosts.ts';

useTwoHosts();

for (const [kind, flags] of [
  ['named', ['--p2p', '--persistent', '--undefinesource']],
  ['wildcard', []],
] as const) {
  libvirtTest(
    `a VM that migrates takes its disk along (nodes: ${kind}; flags: ${flags.join(' ') || 'none'})`,
    async t => {
      const there = await scene(t, services[kind], newName());
      const { service, vm, disk, from, to } = there;
      const lift = startRivals(t, service, disk);
      const migration = await beginMigration(vm, from, to, flags);
      await migration.hurry();
      t.is(await migration.ended, undefined);
      await untilItIsAt(t, service, vm, disk, ['host-2']);
      await lift();
      await endScene(t, there);
    },
  );
}

const kept = ['aborted', 'destination-daemon-killed', 'incoming-destroyed'] as const;
for (const failure of kept) {
  libvirtTest(`a VM whose migration failed keeps its disk where it was: ${failure}`, async t => {
    const there = await scene(t, services.named, newName());
    const { service, vm, disk, from, to } = there;
    const lift = startRivals(t, service, disk);
    const migration = await beginMigration(vm, from, to);
    await failures[failure](vm, from, to);
    t.regex((await migration.ended) ?? '', /error/);
    await untilItIsAt(t, service, vm, disk, ['host-1']);
    await lift();
    await endScene(t, there);
  });
}

for (const kind of ['named', 'wildcard'] as const) {
  libvirtTest(
    `a VM that is killed in the switch-over lives on at the other host, with its disk (nodes: ${kind})`,
    async t => {
      const there = await scene(t, services[kind], newName());
      const { service, vm, disk, from, to } = there;
      const lift = startRivals(t, service, disk);
      const migration = await beginMigration(vm, from, to, ['--p2p']);
      await killInSwitchOver(migration, vm, from, to);
      await migration.ended;
      await untilItIsAt(t, service, vm, disk, ['host-2']);
      await lift();
      await endScene(t, there);
    },
  );
}

libvirtTest('a VM that is killed while its memory is copied has ended, and its disk is free', async t => {
  const there = await scene(t, services.named, newName());
  const { service, vm, disk, from, to } = there;
  const lift = startRivals(t, service, disk);
  const migration = await beginMigration(vm, from, to);
  await lift();
  await failures['source-killed'](vm, from);
  await migration.ended;
  await untilItIsAt(t, service, vm, disk, []);
  await endScene(t, there);
});

// Live migrations between two private libvirtds on one file system, and ways to make one fail in the middle.
// Each libvirtd has a host UUID and a host name of its own: libvirt refuses to migrate to a host that seems
// to be the same.
//
// QEMU sends the memory over a unix socket, so that tests cannot take each other's ports. --unsafe: the disk
// is on a local file system, which libvirt assumes to be invisible to the other host. Do not write to the
// guest's console during a migration: both QEMUs read it.
import { join } from 'node:path';
import type { Libvirtd } from './libvirtd.ts';
import { until } from './until.ts';

/** In MiB/s: slow enough to observe and to abort a migration while it copies memory. */
const CRAWL = 1;
const FULL_SPEED = 10_000;

/** "running (booted)", "paused (migrating)", "shut off (crashed)", ...; undefined: not listed. */
async function domainState(libvirtd: Libvirtd, name: string): Promise<string | undefined> {
  const said = await libvirtd.virsh('domstate', '--reason', name).catch(() => undefined);
  return said?.trim();
}

/** Waits until virsh shows the domain in this state; undefined: until it is not listed. */
export async function untilState(
  libvirtd: Libvirtd,
  name: string,
  wanted: string | undefined,
): Promise<void> {
  let state: string | undefined;
  await until(
    async () => {
      state = await domainState(libvirtd, name);
      return state === wanted;
    },
    `${name} to be ${wanted ?? 'gone'}`,
    { timeoutMs: 60_000, hint: () => `It is ${state ?? 'not listed'}.` },
  );
}

/** Whether a live domain shows the disk whose alias ends with this UUID. */
export async function holds(libvirtd: Libvirtd, name: string, disk: string): Promise<boolean> {
  const xml = await libvirtd.virsh('dumpxml', name).catch(() => '');
  return /<domain [^>]*\bid='/.test(xml) && xml.includes(`<alias name='ua-${disk}'/>`);
}

/** A migration that has begun. */
export interface Migration {
  /** Resolves when the migration has ended: with virsh's error message if it failed. */
  readonly ended: Promise<string | undefined>;
  /** From now on memory is copied without a limit of speed. */
  hurry(): Promise<void>;
}

/**
 * Begins a migration and waits until memory is being copied, slowly: the destination lists the guest as
 * paused (migrating).
 */
export async function beginMigration(
  name: string,
  from: Libvirtd,
  to: Libvirtd,
  flags: readonly string[] = [],
): Promise<Migration> {
  await from.virsh('migrate-setspeed', name, String(CRAWL));
  const socket = join(to.dir, `migration-${name}`);
  const peer = flags.includes('--p2p') ? to.uri.replace('qemu:', 'qemu+unix:') : to.uri;
  const way = ['--migrateuri', `unix://${socket}`, ...flags];
  const ended = from.virsh('migrate', '--live', '--unsafe', name, peer, ...way).then(
    () => undefined,
    error => String(error),
  );
  const early = ended.then(complaint => {
    throw new Error(`the migration was over before it was looked at: ${complaint}`);
  });
  await Promise.race([untilState(to, name, 'paused (migrating)'), early]);
  return {
    ended,
    async hurry() {
      await from.virsh('migrate-setspeed', name, String(FULL_SPEED));
    },
  };
}

/** Ways to make a migration fail while it copies memory. */
export const failures = {
  /** The job is aborted: the guest goes on where it was. */
  async aborted(name: string, from: Libvirtd) {
    await from.virsh('domjobabort', name);
  },
  /** libvirtd dies at the destination; the next one kills the incoming guest. */
  'destination-daemon-killed': (_name: string, _from: Libvirtd, to: Libvirtd) => to.restart('KILL'),
  async 'incoming-destroyed'(name: string, _from: Libvirtd, to: Libvirtd) {
    await to.virsh('destroy', name);
  },
  /** QEMU dies at the source while memory is copied: no host has the guest any more. */
  'source-killed': (name: string, from: Libvirtd) => from.killGuest(name),
} satisfies Record<string, (name: string, from: Libvirtd, to: Libvirtd) => Promise<void>>;

/**
 * Whether QEMU has sent everything at the source: even when it is stopped, it may still be sending its last
 * pages.
 */
export async function allIsSent(from: Libvirtd, name: string): Promise<boolean> {
  const status = await from.virsh('qemu-monitor-command', name, '{"execute":"query-status"}');
  return status.includes('postmigrate');
}

/**
 * Kills QEMU at the source in the switch-over, when only the copy at the destination can go on; the libvirtd
 * of the destination is stopped meanwhile. The guest lives on at the destination. For migrations with --p2p.
 */
export async function killInSwitchOver(
  migration: Migration,
  name: string,
  from: Libvirtd,
  to: Libvirtd,
): Promise<void> {
  await to.signal('STOP');
  try {
    await migration.hurry();
    await untilState(from, name, 'paused (migrating)');
    await until(() => allIsSent(from, name), `all of ${name} to be sent`, { timeoutMs: 60_000 });
    await from.killGuest(name);
    await untilState(from, name, 'shut off (crashed)');
  } finally {
    await to.signal('CONT');
  }
}

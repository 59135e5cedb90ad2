// A tiny guest in a private libvirtd, with a shell on its serial console: see scripts/virt/guest-init.sh.
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { constants, open, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Libvirtd, virtScript } from './libvirtd.ts';
import { until } from './until.ts';

const execute = promisify(execFile);

/** How a guest is defined and booted. */
export interface GuestOptions {
  readonly name: string;
  readonly uuid?: string;
  /** How many disks can be hot-plugged (default: 6). */
  readonly ports?: number;
  /** `<disk>` elements of the definition that it boots with. */
  readonly disksXml?: string;
  /**
   * Whether it ignores requests to plug and to unplug from the start; in a running guest, `run('unwilling')`
   * does that.
   */
  readonly unwilling?: boolean;
  /** Whether its machine is left paused before it has booted anything; then nothing is waited for. */
  readonly paused?: boolean;
  /** Whether there is something to boot (default: there is); without it nothing is waited for. */
  readonly hasOs?: boolean;
  /** Whether it is defined before it is started, so that it can be saved, stopped and started again. */
  readonly persistent?: boolean;
  /** A folder of `saveGuest`: the guest in it is restored instead of booted. */
  readonly saved?: string;
  /** How long the boot may take, in milliseconds (default: 90,000). */
  readonly bootMs?: number;
}

/** A running guest. */
export interface Guest {
  readonly name: string;
  readonly uuid: string;
  /** Runs a shell script in the guest; resolves with its output (stdout and stderr) and its exit status. */
  run(script: string, options?: { timeoutMs?: number }): Promise<{ output: string; status: number }>;
  /** Waits for a line of the console that matches, after `from` (a mark; default: the beginning). */
  waitFor(pattern: RegExp, options?: { timeoutMs?: number; from?: number }): Promise<RegExpMatchArray>;
  /** The present end of the console's output, for `waitFor`. */
  mark(): number;
  /** The console's whole output. */
  console(): string;
  /** Sends a signal ('STOP', 'CONT') to its QEMU. */
  signal(signal: 'STOP' | 'CONT'): Promise<void>;
  /** `virsh destroy`: ends the VM at once. */
  destroy(): Promise<void>;
}

/** The path of the guest's serial console, without .in (a fifo) and .log. */
function consoleOf(libvirtd: Libvirtd, name: string): string {
  return join(libvirtd.dir, `console-${name}`);
}

async function writeLine(fifo: string, line: string): Promise<void> {
  // O_NONBLOCK: without it, `open` would wait for a guest that may never read.
  const handle = await open(fifo, constants.O_WRONLY | constants.O_NONBLOCK);
  try {
    await handle.write(`${line}\n`);
  } finally {
    await handle.close();
  }
}

/** The process of a guest of this libvirtd; other test runs may have guests of the same name. */
async function qemuOf(libvirtd: Libvirtd, name: string): Promise<number> {
  for (const entry of await readdir('/proc')) {
    const command = await readFile(`/proc/${entry}/cmdline`, 'utf8').catch(() => '');
    const isOurs = command.includes(`guest=${name},`) && command.includes(libvirtd.dir);
    if (isOurs && command.startsWith('/usr/bin/qemu')) return Number(entry);
  }
  throw new Error(`guest ${name} has no process`);
}

/**
 * Boots a tiny guest and waits until it is ready (2 to 4 s; more on a busy host).
 *
 * @throws Error with the end of its console if it is not ready within 90 s
 */
export async function bootGuest(libvirtd: Libvirtd, options: GuestOptions): Promise<Guest> {
  const {
    name,
    uuid = randomUUID(),
    ports = 6,
    disksXml = '',
    unwilling = false,
    paused = false,
    hasOs = true,
    persistent = false,
    bootMs = 90_000,
    saved,
  } = options;
  const console = consoleOf(libvirtd, name);
  const image = (await execute(virtScript('guest-image.sh'), [])).stdout.trim();
  const flags = [
    '--uuid',
    uuid,
    '--ports',
    String(ports),
    '--disks',
    disksXml,
    ...(unwilling ? ['--unwilling'] : []),
    ...(hasOs ? [] : ['--no-os']),
  ];
  const xml = await execute(virtScript('domain-xml.sh'), [...flags, name, image, console]);
  await writeFile(`${console}.xml`, xml.stdout);

  const said = () => readFileSync(`${console}.log`, 'utf8').replaceAll('\r', '');
  let commands = 0;
  const guest: Guest = {
    name,
    uuid,
    console: said,
    mark: () => said().length,
    waitFor(pattern, { timeoutMs = 60_000, from = 0 } = {}) {
      return until(() => said().slice(from).match(pattern) ?? undefined, `${pattern} from guest ${name}`, {
        timeoutMs,
        hint: () => `Its console ends with:\n${said().slice(-1000)}`,
      });
    },
    async run(script, { timeoutMs = 60_000 } = {}) {
      const id = `${process.pid}.${++commands}`;
      const line = `RUN ${id} ${Buffer.from(script).toString('base64')}`;
      if (line.length > 4000) throw new Error('a script for a guest has at most 2,900 bytes');
      const from = guest.mark();
      await writeLine(`${console}.in`, line);
      const end = await guest.waitFor(new RegExp(`^EXIT ${id} (\\d+)$`, 'm'), { timeoutMs, from });
      const pieces = said()
        .slice(from)
        .matchAll(new RegExp(`^OUT ${id} (\\S+)$`, 'gm'));
      const output = Buffer.concat([...pieces].map(([, piece]) => Buffer.from(piece ?? '', 'base64')));
      return { output: output.toString(), status: Number(end[1]) };
    },
    async signal(signal) {
      process.kill(await qemuOf(libvirtd, name), `SIG${signal}`);
    },
    async destroy() {
      await libvirtd.virsh('destroy', name);
    },
  };

  if (saved !== undefined) {
    const image = join(saved, name);
    await writeFile(`${console}.xml`, (await readFile(`${image}.xml`, 'utf8')).replaceAll(CONSOLE, console));
    await libvirtd.virsh('restore', image, '--xml', `${console}.xml`);
    return guest;
  }
  const from = guest.mark();
  if (persistent) {
    await libvirtd.virsh('define', `${console}.xml`);
    await libvirtd.virsh('start', name, ...(paused ? ['--paused'] : []));
  } else {
    await libvirtd.virsh('create', `${console}.xml`, ...(paused ? ['--paused'] : []));
  }
  if (paused || !hasOs) return guest;
  await guest.waitFor(/^GUEST-READY/m, { timeoutMs: bootMs, from });
  return guest;
}

/** A placeholder for the path of the console in the XML of a saved guest. */
const CONSOLE = '@CONSOLE@';

/** Saves a guest to a folder, from which it can be restored in another libvirtd without a boot. */
export async function saveGuest(libvirtd: Libvirtd, guest: Guest, folder: string): Promise<void> {
  const image = join(folder, guest.name);
  await libvirtd.virsh('save', guest.name, image);
  const xml = await libvirtd.virsh('save-image-dumpxml', image);
  await writeFile(`${image}.xml`, xml.replaceAll(consoleOf(libvirtd, guest.name), CONSOLE));
}

// A private libvirtd for one test file. It lives in namespaces of its own and ends with the process that started it, however
// that ends: see scripts/virt/libvirtd.sh.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const execute = promisify(execFile);

export interface Libvirtd {
  /** URI of its unix socket. */
  readonly uri: string;
  /** Path of its unix socket. */
  readonly socket: string;
  /** URI of its TCP listener on 127.0.0.1, if one was asked for. */
  readonly tcpUri: string | undefined;
  /** Its folder, removed with everything in it by stop(). */
  readonly dir: string;
  /** Runs virsh against it; answers what virsh printed, fails with what virsh complained about. */
  virsh(...args: string[]): Promise<string>;
  /** Ends only libvirtd, by SIGTERM or the signal given ('KILL'), and waits until the next one answers; guests go on. */
  restart(signal?: string): Promise<void>;
  /** Sends libvirtd a signal ('STOP', 'CONT'), and does not wait. */
  signal(signal: string): Promise<void>;
  /** Kills the QEMU of a guest, and waits until it is gone; libvirtd hears of it a moment later. */
  killGuest(name: string): Promise<void>;
  /** Ends libvirtd and every guest, and removes every file. */
  stop(): Promise<void>;
}

/** The path of a script of scripts/virt. */
export function virtScript(name: string): string {
  return fileURLToPath(new URL(`../../scripts/virt/${name}`, import.meta.url));
}

/** Not one of those that the kernel gives to whoever connects or listens on any (32768 on): it might, before libvirtd listens. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 22_000);
    const server = createServer().listen(port, '127.0.0.1');
    const isFree = await once(server, 'listening').then(
      () => true,
      () => false,
    );
    if (!isFree) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
}

/**
 * Starts a private libvirtd and waits until it answers (about 1.5 s).
 *
 * @param options tcp: listen on a free port of 127.0.0.1 as well; host: a host name of its own, so that guests can migrate to it
 *   from another libvirtd
 * @throws Error with libvirtd's own words if it does not come up
 */
export async function startLibvirtd({
  tcp = false,
  host,
}: {
  tcp?: boolean;
  host?: string;
} = {}): Promise<Libvirtd> {
  const dir = await mkdtemp(join(tmpdir(), 'pdisk-virt-'));
  const port = tcp ? await freePort() : undefined;
  const script = virtScript('libvirtd.sh');
  const listen = port === undefined ? [] : ['--tcp', String(port)];
  const named = host === undefined ? [] : ['--host', host];
  // Detached, so that a Ctrl-C in the terminal leaves the cleaning up to the end of its standard input.
  const child = spawn(script, ['run', ...listen, ...named, '--remove', dir], { detached: true });
  const gone = once(child, 'close');
  let complaints = '';
  child.stderr.setEncoding('utf8').on('data', text => {
    complaints += text;
  });
  const first = await Promise.race([once(child.stdout.setEncoding('utf8'), 'data'), gone]);
  if (!String(first[0]).startsWith('READY')) throw new Error(`libvirtd did not start\n${complaints}`);

  const socket = join(dir, 'sock', 'libvirt-sock');
  const uri = `qemu:///system?socket=${socket}`;
  return {
    uri,
    socket,
    tcpUri: port === undefined ? undefined : `qemu+tcp://127.0.0.1:${port}/system`,
    dir,
    async virsh(...args) {
      const { stdout } = await execute('virsh', ['-q', '-c', uri, ...args], { maxBuffer: 16 * 1024 * 1024 });
      return stdout;
    },
    async restart(signal = 'TERM') {
      await execute(script, ['restart', dir, signal]);
    },
    async signal(signal) {
      await execute(script, ['signal', dir, signal]);
    },
    async killGuest(name) {
      await execute(script, ['kill-guest', dir, name]);
    },
    async stop() {
      child.stdin.end();
      await gone;
    },
  };
}

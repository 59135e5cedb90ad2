// A private libvirtd for one test file. It runs in namespaces of its own and ends with the process that
// started it, even if that is killed: see scripts/virt/libvirtd.sh.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** A running private libvirtd. */
export interface Libvirtd {
  /** The URI of its unix socket. */
  readonly uri: string;
  /** The path of its unix socket. */
  readonly socket: string;
  /** The URI of its TCP listener on 127.0.0.1, if one was asked for. */
  readonly tcpUri: string | undefined;
  /** The port of its TLS listener on 127.0.0.1, if one was asked for. */
  readonly tlsPort: number | undefined;
  /** The id of a process in its mount namespace, where /run/libvirt is its own. */
  namespace(): Promise<number>;
  /** Its folder, which stop() removes. */
  readonly dir: string;
  /** Runs virsh on it; resolves with virsh's output, rejects with its error message. */
  virsh(...args: string[]): Promise<string>;
  /**
   * Ends only libvirtd, by SIGTERM or another signal ('KILL'), and waits until the next one answers; guests
   * go on.
   */
  restart(signal?: string): Promise<void>;
  /** Sends libvirtd a signal ('STOP', 'CONT') and does not wait. */
  signal(signal: string): Promise<void>;
  /** Kills the QEMU of a guest and waits until it is gone; libvirtd notices a moment later. */
  killGuest(name: string): Promise<void>;
  /** Ends libvirtd and every guest, and removes all files. */
  stop(): Promise<void>;
}

/** The path of a script in scripts/virt. */
export function virtScript(name: string): string {
  return fileURLToPath(new URL(`../scripts/virt/${name}`, import.meta.url));
}

/**
 * Outside the range of ephemeral ports (32768 and up): another connection might take such a port before
 * libvirtd listens on it.
 */
export async function freePort(): Promise<number> {
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
 * @param options tcp: listen on a free port of 127.0.0.1 as well; tls: listen for TLS, too, with the
 * certificates in this folder (`Pki.server`); conf: further lines of libvirtd.conf; saslDir: the folder of
 * SASL's configuration; host: a host name of its own, so that guests can migrate to it from another libvirtd
 * @throws Error with libvirtd's own message if it does not come up
 */
export async function startLibvirtd({
  tcp = false,
  tls,
  conf = [],
  saslDir,
  host,
}: {
  tcp?: boolean;
  tls?: string;
  conf?: readonly string[];
  saslDir?: string;
  host?: string;
} = {}): Promise<Libvirtd> {
  const dir = await mkdtemp(join(tmpdir(), 'pdisk-virt-'));
  const port = tcp ? await freePort() : undefined;
  const tlsPort = tls === undefined ? undefined : await freePort();
  const script = virtScript('libvirtd.sh');
  const listen = [
    ...(port === undefined ? [] : ['--tcp', String(port)]),
    ...(tls === undefined ? [] : ['--tls', String(tlsPort), '--pki', tls]),
    ...(saslDir === undefined ? [] : ['--sasl', saslDir]),
    ...conf.flatMap(line => ['--conf', line]),
  ];
  const named = host === undefined ? [] : ['--host', host];
  // Detached, so that Ctrl-C in the terminal does not reach it; the end of its standard input makes it clean
  // up.
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
    tlsPort,
    async namespace() {
      return Number((await execute(script, ['namespace', dir])).stdout);
    },
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

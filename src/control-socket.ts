// LevelDB has one owner: the process of the service. Other commands ask it on a socket in the data folder. Who
// may connect is decided by the socket's mode (0600): only the user of the service and root, as with the
// database itself. So no credential is needed, and nothing of it can be reached over the network.
import { once } from 'node:events';
import { chmod, type FileHandle, open, rm } from 'node:fs/promises';
import { createConnection, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pipeline } from 'node:stream/promises';

/** The name of the socket in the data folder. */
const NAME = 'control';
/** How long either side may keep the other waiting, in milliseconds. */
const IDLE_MS = 60_000;
/** How many may be connected at once. */
const AT_ONCE = 4;

/** What can be asked for, and the pieces of text that it is answered with. */
export type Commands = Readonly<Record<'backup', () => AsyncIterable<string>>>;

const isGone = (error: unknown): boolean =>
  ['ENOENT', 'ECONNREFUSED'].includes((error as NodeJS.ErrnoException).code ?? '');

/**
 * The path of the socket. It may have at most 107 bytes (unix(7)), and the data folder's own may be longer: so
 * the open folder is named by its descriptor.
 */
const pathIn = (folder: FileHandle): string => `/proc/self/fd/${folder.fd}/${NAME}`;

async function answer(socket: Socket, commands: Commands, failed: (error: unknown) => string): Promise<void> {
  socket.setTimeout(IDLE_MS, () => socket.destroy());
  const lines = createInterface({ input: socket, crlfDelay: Number.POSITIVE_INFINITY });
  const [command] = (await once(lines, 'line', { signal: AbortSignal.timeout(IDLE_MS) })) as [string];
  lines.close();
  const pieces = async function* (): AsyncGenerator<string> {
    try {
      if (command !== 'backup') throw new Error(`the service does not know '${command.slice(0, 100)}'`);
      yield* commands[command]();
    } catch (error) {
      yield failed(error);
    }
  };
  await pipeline(pieces(), socket);
}

/**
 * Opens the socket of the service; resolves with the function that closes it. To be called by the owner of the
 * database only: the socket of a process that was killed is replaced. `failed` makes the last piece of an
 * answer that cannot be completed. Throws the error of the operating system.
 */
export async function openControlSocket(
  dataDir: string,
  commands: Commands,
  failed: (error: unknown) => string,
): Promise<() => Promise<void>> {
  const sockets = new Set<Socket>();
  const server = createServer(socket => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    answer(socket, commands, failed).catch(() => socket.destroy());
  });
  server.maxConnections = AT_ONCE;
  await rm(join(dataDir, NAME), { force: true });
  // Open as long as the server: Node removes the socket by this path when the server is closed.
  const folder = await open(dataDir, 'r');
  server.listen(pathIn(folder));
  await once(server, 'listening').catch(async error => {
    await folder.close();
    throw error;
  });
  await chmod(join(dataDir, NAME), 0o600);
  server.on('error', () => {});
  return async () => {
    const closed = once(server, 'close');
    server.close();
    for (const socket of sockets) socket.destroy();
    await closed;
    await folder.close();
  };
}

async function connected(dataDir: string): Promise<Socket | undefined> {
  let folder: FileHandle | undefined;
  try {
    folder = await open(dataDir, 'r');
    const socket = createConnection(pathIn(folder));
    await once(socket, 'connect', { signal: AbortSignal.timeout(IDLE_MS) });
    return socket;
  } catch (error) {
    if (isGone(error)) return undefined;
    throw new Error(`the service in ${dataDir} cannot be asked: ${(error as Error).message}`);
  } finally {
    await folder?.close();
  }
}

/** Whether a service with this data folder runs and can be asked. */
export async function isServing(dataDir: string): Promise<boolean> {
  const socket = await connected(dataDir);
  socket?.destroy();
  return socket !== undefined;
}

/**
 * Asks the service with this data folder; resolves with its answer in pieces, undefined where none runs. Throws
 * a sentence if it cannot be asked, and while the answer is read if it does not come.
 */
export async function askService(
  dataDir: string,
  command: keyof Commands,
): Promise<AsyncIterable<string> | undefined> {
  const socket = await connected(dataDir);
  if (!socket) return undefined;
  socket.setEncoding('utf8');
  socket.setTimeout(IDLE_MS, () => socket.destroy(new Error('the service does not answer')));
  socket.write(`${command}\n`);
  return socket;
}

import { randomUUID } from 'node:crypto';
import { nanoid } from 'nanoid';
import type { Logger } from 'pino';
import { accountStore } from './accounts/account-store.ts';
import { createAccounts } from './accounts/accounts.ts';
import { prepareFirstAdministrator } from './accounts/first-administrator.ts';
import { createReadiness } from './api/health.ts';
import { createMetrics } from './api/metrics.ts';
import { createAnswers, keyKind } from './api/routes/idempotency.ts';
import { type Api, createApi } from './api/server.ts';
import { openAuditLog } from './audit/audit-log.ts';
import { isSystemLibvirt } from './config/settings.ts';
import type { Config } from './config.ts';
import { openControlSocket } from './control-socket.ts';
import { prepareDataFolder } from './data-folder.ts';
import { createDisks } from './disks/disks.ts';
import { sentenceOf } from './errors.ts';
import { logChanges } from './events/change-log.ts';
import { openEventLog } from './events/log.ts';
import { startRetention } from './events/retention.ts';
import { createStreams } from './events/streams.ts';
import { createTickets } from './events/tickets.ts';
import { createHypervisor } from './hypervisor/create.ts';
import { openInspector } from './inspector.ts';
import { agingFrom, monotonicNow } from './lib/clock.ts';
import { connectionsWithin } from './lib/descriptors.ts';
import { type Life, live } from './lifetime.ts';
import { say } from './logging.ts';
import { aboutBackup, ownerFile } from './maintenance/source.ts';
import { recordKinds } from './record-kinds.ts';
import { createReload } from './reload.ts';
import { watchFullness } from './storage/fullness.ts';
import { openLabels, openPool } from './storage/open.ts';
import { readOwner } from './storage/owner.ts';
import { databaseRoom, leaving } from './storage/spare.ts';
import { demandNoVolumes } from './storage/strange-volumes.ts';
import { threadsFree } from './storage/threads.ts';
import { brokenOff } from './store/backup.ts';
import { PROBE_KEY } from './store/keys.ts';
import { openStore } from './store/store.ts';

/** How long the end may take after changes in progress were waited for, in milliseconds. */
const CLOSING_MS = 15_000;
/** How long requests may still be answered after that, to slow readers of long answers; in milliseconds. */
const ANSWERING_MS = 5_000;

/**
 * Builds the service from its parts, recovers interrupted work, and serves until `told` is aborted, which may
 * be at any moment of the start, or something fails for good. `readConfig` reads the configuration again, for
 * SIGHUP. Resolves when everything is closed. Throws a sentence where the service cannot start.
 */
export const serve = (
  config: Config,
  log: Logger,
  told: AbortSignal,
  readConfig: () => Config,
): Promise<void> =>
  live(log, told, config.drainMs + CLOSING_MS, life => start(config, log, life, readConfig));

async function start(
  config: Config,
  log: Logger,
  { signal, closing, fail }: Life,
  readConfig: () => Config,
): Promise<void> {
  const warn = (sentence: string): void => log.warn(sentence);
  let hangUp = (): void => warn('SIGHUP: pdisk is still starting; send the signal again when it serves');
  process.on('SIGHUP', () => hangUp());
  await prepareDataFolder(config.dataDir, warn);
  const figures = createMetrics();
  const maxConnections = connectionsWithin(config.maxConnections, Object.keys(config.nodes).length, warn);
  const store = await openStore({
    directory: config.dataDir,
    kinds: recordKinds,
    traces: [ownerFile(config.dataDir)],
    acceptLoss: config.acceptLoss,
    warn,
    onBatch: figures.batch,
    onFailure: fail('the store refused a write; nothing more is taken, and the next start recovers'),
  });
  // Closed after all others: a pool that hangs must not keep the store from being closed.
  closing.add('calls of the pool', threadsFree);
  closing.add('the store', store.close);
  signal.throwIfAborted();
  const { overcommit, wipe, wipeRateMiB } = config;
  const owner = await readOwner(ownerFile(config.dataDir));
  const opened = await openPool(config.pool, {
    overcommit,
    owner: owner.name,
    log: isSystemLibvirt(config.nodes) ? { warn } : undefined,
    lvm: { wipe, wipeRateMiB },
    signal,
  });
  signal.throwIfAborted();
  const room = config.pool.kind === 'file' ? await databaseRoom(config.pool.directory, config.dataDir) : 0;
  const pool = leaving(opened, room * overcommit);
  if (owner.isNew && !config.acceptLoss) await demandNoVolumes(pool);
  await owner.keep();
  const nodes = new Map(Object.entries(config.nodes));
  const hypervisor = createHypervisor({ nodes, vmNames: config.vmNames, log });
  closing.add('the links to nodes', hypervisor.close);
  const accounts = await createAccounts(accountStore(store));
  const eventLog = await openEventLog(store);
  const [last] = await store.events(eventLog.newest() - 1, eventLog.newest(), 1);
  // The newest event limits the start: a system clock that is ahead by now must not age everything at once.
  // While pdisk is down, nothing ages.
  const aging = agingFrom(Math.min(Date.now(), last?.time ?? Date.now()));
  const answers = await createAnswers(
    { load: () => store.load(keyKind), commit: store.commit },
    accounts.passwords,
    aging,
  );
  const audit = await openAuditLog({ store, now: monotonicNow });
  closing.add('the audit', audit.stop);
  const logEvents = logChanges(log);
  let api: Api | undefined;
  // Closed after the work on disks, whose end is the answer to requests that wait for it.
  closing.add('the API', () => api?.stop(ANSWERING_MS));
  const disks = await createDisks({
    store,
    pool,
    labels: openLabels(config.pool, pool.check, warn),
    hypervisor,
    log,
    now: monotonicNow,
    time: Date.now,
    newUuid: randomUUID,
    newId: nanoid,
    stands: accounts.isCurrent,
    accountNamed: accounts.named,
    quotaOf: account => accounts.quotaOf(account) ?? config.quota,
    inspect: config.inspect === undefined ? undefined : await openInspector(config.inspect),
    publish: events => {
      eventLog.publish(events);
      logEvents(events);
    },
    fault: fail('a fault in pdisk itself; it stops, and the next start recovers'),
    settings: config,
  });
  closing.add('the work on disks', disks.stop);
  signal.throwIfAborted();
  await disks.recover(signal);
  const failed = (what: string) => (error: unknown) => log.error({ err: error }, what);
  const streams = createStreams({
    log: eventLog,
    service: disks.service,
    isCurrent: accounts.isCurrent,
    perAccount: config.eventStreams,
    bookmarkMs: config.eventBookmarkMs,
    failed: failed('the event log could not be read'),
  });
  disks.tellDrift(streams.drift);
  const history = startRetention({
    log: eventLog,
    events: config.eventHistory,
    ageMs: config.eventHistoryMs,
    now: aging,
    failed: failed('the event log could not be trimmed'),
  });
  closing.add('the trimming of the event log', history.stop);
  const auditHistory = startRetention({
    log: audit,
    events: config.eventHistory,
    ageMs: config.eventHistoryMs,
    now: aging,
    failed: failed('the audit could not be trimmed'),
  });
  closing.add('the trimming of the audit', auditHistory.stop);
  const fullness = watchFullness({
    pool,
    everyMs: config.reconcileIntervalMs,
    tell: streams.warn,
    log: { warn },
  });
  closing.add('the look at the pool', fullness.stop);
  const tickets = createTickets(() => nanoid(32), monotonicNow);
  figures.observe({
    disks: disks.figures,
    hypervisor,
    pool,
    fullness: fullness.now,
    log: eventLog,
    audit,
    streams,
  });
  const readiness = createReadiness({
    isStopping: () => signal.aborted,
    write: () => (store.isShort() ? store.flushed() : store.commit([{ key: PROBE_KEY, value: Date.now() }])),
    askPool: pool.check,
    isFull: store.isShort,
    nodes: () => hypervisor.status().map(({ state }) => state),
  });
  const serving = createApi({
    service: figures.counted(disks.service),
    nodes: disks.nodes,
    leftovers: disks.leftovers,
    drift: disks.drift,
    charts: disks.charts,
    explain: disks.explain,
    accounts,
    audit,
    answers,
    isFull: store.isShort,
    events: { log: eventLog, streams, tickets, idleSeconds: config.eventIdleSeconds },
    monitoring: { figures, readiness },
    log,
    settings: { ...config, maxConnections },
  });
  api = serving;
  closing.add('changes in progress', () => serving.drain(config.drainMs));
  const reload = createReload({ config, read: readConfig, hypervisor, log });
  hangUp = () => {
    try {
      serving.reloadCertificate();
      log.info('SIGHUP: the certificate, if there is one, was read again');
    } catch (error) {
      log.error(`${sentenceOf(error)}; the old one stays in use`);
    }
    void reload();
  };
  const first = await prepareFirstAdministrator(accounts, config.dataDir, process.env.PDISK_ADMIN_PASSWORD);
  signal.throwIfAborted();
  const { host, port } = config.listen;
  const listening = await serving.listen(host, port);
  // Only after `listen` has succeeded, because the password is printed once; and before the first request on
  // the port can have been handled.
  await first?.create();
  if (first?.password !== undefined)
    say(process.stdout, `account ${first.account}, password ${first.password} (kept in ${first.file})\n`);
  const closeSocket = await openControlSocket(
    config.dataDir,
    { backup: () => store.backup(aboutBackup(owner.name)) },
    error => brokenOff(sentenceOf(error)),
  ).catch(error => {
    log.error(`backups can be made only while pdisk does not run: ${sentenceOf(error)}`);
    return async () => {};
  });
  closing.add('the socket for commands', closeSocket);
  log.info({ host, port: listening.port, pool: config.pool }, 'pdisk serves');
}

#!/usr/bin/env node
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { nanoid } from 'nanoid';
import { destination, type Logger, pino } from 'pino';
import { accountStore } from './accounts/account-store.ts';
import { createAccounts } from './accounts/accounts.ts';
import { createFirstAdministrator } from './accounts/first-administrator.ts';
import { createFigures } from './api/figures.ts';
import { createReadiness } from './api/health.ts';
import { createAnswers, keyRecord } from './api/idempotency.ts';
import { type Api, createApi } from './api/server.ts';
import { steadyNow } from './clock.ts';
import { helpText } from './config/help.ts';
import { type Config, ConfigError, loadConfig } from './config.ts';
import { createDisks } from './disks/disks.ts';
import { logChanges } from './events/change-log.ts';
import { keepHistory } from './events/history.ts';
import { openEventLog } from './events/log.ts';
import { createStreams } from './events/streams.ts';
import { createTickets } from './events/tickets.ts';
import { createHypervisor } from './hypervisor/create.ts';
import { openInspector } from './inspector.ts';
import { makeDirectory } from './storage/directory.ts';
import { directorySync } from './storage/directory-sync.ts';
import { watchFullness } from './storage/fullness.ts';
import { openPool } from './storage/open.ts';
import { readOwner } from './storage/owner.ts';
import { PROBE_KEY, prefixes } from './store/keys.ts';
import { openStore } from './store/store.ts';

/** How long requests at work may take to end by themselves after SIGTERM, in milliseconds. */
const DRAIN_MS = 5_000;
/** When the process ends whatever is still open, in milliseconds after SIGTERM. */
const STOP_MS = 20_000;

/** Builds the service from its parts, recovers, and serves until `stop`. */
async function serve(config: Config, log: Logger): Promise<(why: string) => Promise<void>> {
  await makeDirectory(config.dataDir, 0o700);
  let hasFailed = false;
  const fail = (what: string) => (error: Error) => {
    log.fatal({ err: error }, what);
    process.exitCode = 1;
    hasFailed = true;
    void stop?.(what);
  };
  let stop: ((why: string) => Promise<void>) | undefined;
  let api: Api | undefined;
  process.on('SIGHUP', () => {
    try {
      api?.reloadCertificate();
      log.info('SIGHUP: the certificate, if there is one, was read again');
    } catch (error) {
      log.error(`${error instanceof Error ? error.message : error}; the old one stays in use`);
    }
  });

  const figures = createFigures();
  const store = await openStore({
    directory: join(config.dataDir, 'db'),
    onBatch: figures.batch,
    onFailure: fail('the store refused a write; nothing more is taken, and the next start recovers'),
  });
  // The database's own name is an entry of this one.
  await directorySync(config.dataDir)();
  const warn = (sentence: string): void => log.warn(sentence);
  const { overcommit, wipe, wipeRateMiB } = config;
  const place = config.pool.kind === 'file' ? config.pool.directory : config.pool.name;
  const owner = await readOwner(join(config.dataDir, 'owner'));
  const pool = await openPool(`${config.pool.kind}:${place}`, {
    overcommit,
    owner,
    log: { warn },
    lvm: { wipe, wipeRateMiB },
  });
  const nodes = new Map(Object.entries(config.nodes));
  const hypervisor = createHypervisor({ nodes, vmNames: config.vmNames, log });
  const accounts = await createAccounts(accountStore(store));
  const answers = await createAnswers(
    { load: () => store.load(prefixes.idempotency, keyRecord), commit: store.commit },
    accounts.passwords,
    Date.now,
  );
  const eventLog = await openEventLog(store);
  const tellLog = logChanges(log);
  const disks = await createDisks({
    store,
    pool,
    hypervisor,
    log,
    now: steadyNow,
    time: Date.now,
    newUuid: randomUUID,
    newId: nanoid,
    stands: accounts.isCurrent,
    accountNamed: accounts.named,
    quotaOf: account => accounts.quotaOf(account) ?? config.quota,
    inspect: config.inspect === undefined ? undefined : await openInspector(config.inspect),
    publish: events => {
      eventLog.publish(events);
      tellLog(events);
    },
    fault: fail('a fault in pdisk itself; it stops, and the next start recovers'),
    settings: config,
  });
  const chosen = process.env.PDISK_ADMIN_PASSWORD;
  const first = await createFirstAdministrator(accounts, config.dataDir, chosen);
  if (first && !chosen) {
    process.stdout.write(`account ${first.account}, password ${first.password} (kept in ${first.file})\n`);
  }
  await disks.recover();
  const failed = (what: string) => (error: unknown) => log.error({ err: error }, what);
  const streams = createStreams({
    log: eventLog,
    disks: disks.service.list,
    isCurrent: accounts.isCurrent,
    perAccount: config.eventStreams,
    bookmarkMs: config.eventBookmarkMs,
    failed: failed('the event log could not be read'),
  });
  disks.tellDrift(streams.drift);
  const history = keepHistory({
    log: eventLog,
    events: config.eventHistory,
    ageMs: config.eventHistoryMs,
    now: Date.now,
    failed: failed('the event log could not be trimmed'),
  });
  const fullness = watchFullness({
    pool,
    everyMs: config.reconcileIntervalMs,
    tell: streams.warn,
    log: { warn },
  });
  const tickets = createTickets(() => nanoid(32), steadyNow);
  figures.observe({ disks: disks.figures, hypervisor, pool, fullness: fullness.now, log: eventLog, streams });
  const readiness = createReadiness({
    write: () => store.commit([{ key: PROBE_KEY, value: Date.now() }]),
    askPool: pool.check,
    nodes: () => hypervisor.status().map(({ node, state }) => ({ node: hypervisor.hostOf(node), state })),
  });
  const serving = createApi({
    service: figures.counted(disks.service),
    nodes: disks.nodes,
    leftovers: disks.leftovers,
    drift: disks.drift,
    charts: disks.charts,
    accounts,
    answers,
    events: { log: eventLog, streams, tickets, idleSeconds: config.eventIdleSeconds },
    monitoring: { figures, readiness },
    log,
    settings: config,
  });
  api = serving;
  const { host, port } = config.listen;
  const listening = await serving.listen(host, port);
  log.info({ host, port: listening.port, pool: config.pool }, 'pdisk serves');

  stop = async why => {
    log.info({ why }, 'pdisk stops');
    setTimeout(() => process.exit(1), STOP_MS).unref();
    const closed = serving.stop(STOP_MS / 2);
    await Promise.race([closed, delay(DRAIN_MS, undefined, { ref: false })]);
    fullness.stop();
    await disks.stop();
    await history.stop();
    await closed;
    await hypervisor.close();
    await store.close();
  };
  if (hasFailed) await stop('it failed while starting');
  return stop;
}

async function main(): Promise<void> {
  const argv = process.argv.slice(2);
  if (argv.includes('--help')) {
    process.stdout.write(helpText());
    return;
  }
  const config = loadConfig({ argv, env: process.env });
  if (argv.includes('--check-config')) {
    process.stdout.write('the configuration is valid\n');
    return;
  }
  const log = pino({ name: 'pdisk', level: config.logLevel }, destination({ fd: 2, sync: true }));
  const stop = await serve(config, log);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => void stop(signal).then(() => process.exit()));
  }
}

main().catch(error => {
  const sentences = error instanceof ConfigError ? error.sentences : [error.message ?? String(error)];
  for (const sentence of sentences) process.stderr.write(`pdisk: ${sentence}\n`);
  process.exit(1);
});

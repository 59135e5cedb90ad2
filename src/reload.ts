// What SIGHUP takes without a restart: the nodes, and the certificates for them.
import type { Logger } from 'pino';
import { type Config, ConfigError } from './config.ts';
import { sentenceOf } from './errors.ts';
import type { Hypervisor } from './hypervisor/hypervisor.ts';
import { tryNodes } from './hypervisor/probe.ts';

/** Parts of the configuration that SIGHUP takes, or that are of one start only. */
const TAKEN: ReadonlySet<string> = new Set(['nodes', 'acceptLoss'] satisfies (keyof Config)[]);

/** What reading the configuration again needs. */
export interface ReloadParts {
  /** The configuration of the start. */
  readonly config: Config;
  /** Reads the configuration again. Throws ConfigError. */
  read(): Config;
  readonly hypervisor: Pick<Hypervisor, 'renewNodes'>;
  readonly log: Pick<Logger, 'info' | 'warn' | 'error'>;
}

/** Names of settings that differ from those of the configuration by more than their spelling. */
const NAMES: Readonly<Partial<Record<keyof Config, string>>> = {
  tls: 'tls_certificate, tls_key',
  wipeRateMiB: 'wipe_rate',
  quota: 'quota_disks, quota_size',
  eventHistoryMs: 'event_history_days',
  eventIdleSeconds: 'event_idle',
};

/** The names of the other settings that differ from those of the start. */
function otherChanges(before: Config, after: Config): string[] {
  const old = new Map<string, unknown>(Object.entries(before));
  const names = new Map<string, string>(Object.entries(NAMES));
  return Object.entries(after)
    .filter(([part, value]) => !TAKEN.has(part) && JSON.stringify(value) !== JSON.stringify(old.get(part)))
    .map(
      ([part]) =>
        names.get(part) ?? part.replace(/Ms$/, '').replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`),
    );
}

/**
 * Returns a function that reads the configuration again, takes its nodes, tries those that are reached by TLS
 * with the certificates as they are now, and logs what was taken and what was not. It never throws; a
 * configuration with a mistake changes nothing.
 */
export function createReload({ config, read, hypervisor, log }: ReloadParts): () => Promise<void> {
  function take(): Config | undefined {
    try {
      const next = read();
      const { added, moved, removed, refused } = hypervisor.renewNodes(new Map(Object.entries(next.nodes)));
      for (const node of added) log.info({ node }, `SIGHUP: node ${node} was added`);
      for (const node of moved)
        log.info({ node, uri: next.nodes[node] }, `SIGHUP: node ${node} has another URI`);
      for (const node of removed)
        log.warn({ node }, `SIGHUP: node ${node} was taken out; what is attached there stays attached`);
      for (const sentence of refused) log.warn(`SIGHUP: ${sentence}`);
      const others = otherChanges(config, next);
      if (others.length > 0) log.warn(`SIGHUP: changed, and taken by a restart only: ${others.join(', ')}`);
      return next;
    } catch (error) {
      const sentences = error instanceof ConfigError ? error.sentences : [sentenceOf(error)];
      for (const sentence of sentences) log.error(`SIGHUP: ${sentence}`);
      log.error('SIGHUP: the configuration was not taken; everything stays as it is');
      return undefined;
    }
  }

  return async () => {
    const nodes = new Map(Object.entries(take()?.nodes ?? {}));
    for (const { sentence, isWarning } of await tryNodes(nodes, 'tls'))
      log[isWarning ? 'warn' : 'info'](`SIGHUP: ${sentence}`);
  };
}

// Two connections for each node. libvirtd answers at most five requests of a connection at a time, and a change may take as
// long as a guest likes: it must hold up neither the questions nor the answers to libvirt's keepalive.

import { errorOf, reasonOf } from '../errors.ts';
import { monotonicNow } from '../lib/clock.ts';
import type { LibvirtClient } from '../libvirt/client.ts';
import type { DomainEvent } from '../libvirt/domain.ts';
import { type Link, reconnectingLink } from '../libvirt/reconnect.ts';
import { withDeadline } from './deadline.ts';
import type { NodeStatus } from './hypervisor.ts';
import type { ConfiguredNode } from './nodes.ts';
import { observed } from './observed.ts';

export interface Log {
  info(facts: object, sentence: string): void;
  warn(facts: object, sentence: string): void;
  /** For whoever wants to know every call. */
  debug?(facts: object, sentence: string): void;
  isLevelEnabled?(level: 'debug'): boolean;
}

export interface Questions {
  readonly client: LibvirtClient;
  /** The number of this connection. */
  readonly generation: number;
  /** When it came up, by the steady clock. */
  readonly upAt: number;
}

export interface NodeLink {
  readonly host: string;
  readonly status: NodeStatus;
  /** The connection for questions and events. Throws NODE_UNREACHABLE. */
  questions(deadline: number, signal?: AbortSignal): Promise<Questions>;
  /** The connection for changes. Throws NODE_UNREACHABLE. */
  changes(deadline: number, signal?: AbortSignal): Promise<LibvirtClient>;
  close(): Promise<void>;
}

export interface NodeLinkOptions {
  readonly node: ConfiguredNode;
  readonly log: Log;
  /** How long a request waits for a connection, in milliseconds. */
  readonly connectMs: number;
  /** A number for each new connection, never given twice. */
  nextGeneration(): number;
  /** A connection is up and its events are registered. */
  onUp(generation: number): void;
  onEvent(event: DomainEvent): void;
}

/** libvirt's number of a version, 9000000 for 9.0.0, as people write it. */
const versionText = (version: number): string =>
  [Math.floor(version / 1_000_000), Math.floor(version / 1000) % 1000, version % 1000].join('.');

/** Links a node and keeps it linked, also while it does not answer; its log tells changes of state, not attempts. */
export function linkNode(options: NodeLinkOptions): NodeLink {
  const { node, log } = options;
  const facts = { node: node.host, uri: node.uri };
  // Whoever asks for a node that was down gets the answer of now, not of the last attempt.
  const questions = reconnectingLink(node.uri, { events: true, eagerRetryMs: 0 });
  const changes = reconnectingLink(node.uri, { eagerRetryMs: 0 });
  let generation = 0;
  let upAt = 0;
  let versions: NodeStatus['versions'];

  async function askVersions(client: LibvirtClient): Promise<void> {
    const [libvirt, qemu] = await Promise.all([client.libVersion(), client.hypervisorVersion()]);
    versions = { libvirt: versionText(libvirt), qemu: versionText(qemu) };
  }

  questions.onUp(client => {
    generation = options.nextGeneration();
    upAt = monotonicNow();
    // Where it does not tell, the next connection is asked.
    askVersions(client).catch(() => {});
    log.info(facts, `node ${node.host} is linked`);
    options.onUp(generation);
  });
  questions.onEvent(options.onEvent);
  questions.onDown(reason => {
    log.warn({ ...facts, reason: reason.message }, `node ${node.host} is lost; reconnecting`);
  });
  // Only the first attempt: the link itself says nothing of attempts that fail.
  questions.client().catch(error => {
    if (questions.state === 'closed') return;
    log.warn({ ...facts, reason: reasonOf(error) }, `node ${node.host} cannot be reached; trying on`);
  });

  async function clientOf(link: Link, deadline: number, signal?: AbortSignal): Promise<LibvirtClient> {
    const until = Math.min(deadline, monotonicNow() + options.connectMs);
    try {
      return observed(
        await withDeadline(until, signal, waiting => link.client({ signal: waiting })),
        node.host,
        log,
      );
    } catch {
      const detail = link.lastError?.message ?? 'it does not answer';
      throw errorOf('NODE_UNREACHABLE', { node: node.host, detail });
    }
  }

  return {
    host: node.host,
    get status(): NodeStatus {
      const { lastError } = questions;
      const state = questions.state === 'closed' ? 'down' : questions.state;
      return {
        node: node.key,
        uri: node.uri,
        state,
        since: questions.since,
        versions,
        error: lastError?.message,
      };
    },
    async questions(deadline, signal) {
      const client = await clientOf(questions, deadline, signal);
      return { client, generation, upAt };
    },
    changes: (deadline, signal) => clientOf(changes, deadline, signal),
    async close() {
      await Promise.all([questions.close(), changes.close()]);
    },
  };
}

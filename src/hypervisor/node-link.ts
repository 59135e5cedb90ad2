// Two connections for each node. libvirtd processes at most five requests of a connection at a time, and a
// change may take as long as the guest takes. Changes have their own connection, so that they delay neither
// queries nor the answers to libvirt's keepalive.

import { errorOf, reasonOf } from '../errors.ts';
import { monotonicNow } from '../lib/clock.ts';
import type { LibvirtClient } from '../libvirt/client.ts';
import type { DomainEvent } from '../libvirt/domain.ts';
import { type Link, type LinkOptions, reconnectingLink } from '../libvirt/reconnect.ts';
import { withDeadline } from './deadline.ts';
import type { NodeStatus } from './hypervisor.ts';
import type { ConfiguredNode } from './nodes.ts';
import { observed } from './observed.ts';
import { versionText } from './version-text.ts';

/** The log that the links write to. */
export interface Log {
  info(facts: object, sentence: string): void;
  warn(facts: object, sentence: string): void;
  /** Used to log every libvirt call. */
  debug?(facts: object, sentence: string): void;
  isLevelEnabled?(level: 'debug'): boolean;
}

/** The connection for queries and events. */
export interface Questions {
  readonly client: LibvirtClient;
  /** The number of this connection; no other connection has the same. */
  readonly generation: number;
  /** When it came up, in milliseconds by the monotonic clock. */
  readonly upAt: number;
}

/** The connections to one node. `deadline` is in milliseconds since 1970. */
export interface NodeLink {
  readonly host: string;
  readonly status: NodeStatus;
  /** The connection for queries and events. Throws NODE_UNREACHABLE. */
  questions(deadline: number, signal?: AbortSignal): Promise<Questions>;
  /** The connection for changes. Throws NODE_UNREACHABLE. */
  changes(deadline: number, signal?: AbortSignal): Promise<LibvirtClient>;
  close(): Promise<void>;
}

/** What a link needs. */
export interface NodeLinkOptions {
  readonly node: ConfiguredNode;
  readonly log: Log;
  /** How long a request waits for a connection, in milliseconds. */
  readonly connectMs: number;
  /** Opens a connection to libvirt; see `HypervisorOptions`. */
  readonly open: LinkOptions['open'];
  /** Returns a new number for each connection. */
  nextGeneration(): number;
  /** Called when a connection is up and its events are registered. */
  onUp(generation: number): void;
  onEvent(event: DomainEvent): void;
}

/**
 * Connects to a node and reconnects until it is closed. It logs changes of state, but no failed attempts
 * after the first.
 */
export function linkNode(options: NodeLinkOptions): NodeLink {
  const { node, log } = options;
  const facts = { node: node.host, uri: node.uri };
  // eagerRetryMs 0: a request for a node that is down causes a new attempt at once.
  const link = { eagerRetryMs: 0, open: options.open };
  const questions = reconnectingLink(node.uri, { events: true, ...link });
  const changes = reconnectingLink(node.uri, link);
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
    // On failure, the versions are read again with the next connection.
    askVersions(client).catch(() => {});
    log.info(facts, `node ${node.host} is linked`);
    options.onUp(generation);
  });
  questions.onEvent(options.onEvent);
  questions.onDown(reason => {
    log.warn({ ...facts, reason: reason.message }, `node ${node.host} is lost; reconnecting`);
  });
  // For the first attempt only: the link has no event for a failed attempt.
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

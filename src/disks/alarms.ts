import type { Journal } from '../store/journal.ts';
import { prefixes } from '../store/keys.ts';
import type { NodeRecord } from '../store/records.ts';

/** Releases of one pass that are too many to be true, if they are also more than half of a node's attachments. */
const MANY = 10;

/**
 * What would make a node's word about its machines doubtful: another host answers under its name, or nearly all of its machines
 * are gone at once (a lost mount, an empty libvirtd). Nothing is released on such a node until an administrator agrees.
 */
export interface Alarms {
  /** Checks the host that answers against the one known; a node's first host is taken as it is. */
  checkHost(node: string, hostUuid: string): Promise<void>;
  /** Whether so many releases of one pass are believable. */
  checkReleases(node: string, releases: number, attachments: number): boolean;
  /** Why nothing is released on this node, or undefined. */
  of(node: string): string | undefined;
  /** An administrator agrees: the present host is the right one, and the machines are gone. */
  agree(node: string): Promise<void>;
}

export function createAlarms(
  journal: Journal,
  known: readonly NodeRecord[],
  report: (node: string, text: string) => void,
): Alarms {
  const hosts = new Map(known.map(({ key, hostUuid }) => [key, hostUuid]));
  const alarms = new Map<string, { text: string; hostUuid?: string }>();
  const agreed = new Set<string>();

  async function learn(node: string, hostUuid: string): Promise<void> {
    await journal.commit([{ key: prefixes.node + node, value: { v: 1, key: node, hostUuid } }]);
    hosts.set(node, hostUuid);
  }

  function raise(node: string, text: string, hostUuid?: string): void {
    if (alarms.get(node)?.text === text) return;
    alarms.set(node, { text, ...(hostUuid ? { hostUuid } : {}) });
    report(node, text);
  }

  return {
    async checkHost(node, hostUuid) {
      const before = hosts.get(node);
      if (before === undefined) await learn(node, hostUuid);
      else if (before !== hostUuid)
        raise(node, `host ${hostUuid} answers where host ${before} was known`, hostUuid);
      else if (alarms.get(node)?.hostUuid) alarms.delete(node);
    },
    checkReleases(node, releases, attachments) {
      if (agreed.delete(node)) return true;
      if (releases <= MANY || releases * 2 <= attachments) return true;
      raise(node, `${releases} of ${attachments} attachments seem to have lost their machines at once`);
      return false;
    },
    of: node => alarms.get(node)?.text,
    async agree(node) {
      const alarm = alarms.get(node);
      if (!alarm) return;
      if (alarm.hostUuid) await learn(node, alarm.hostUuid);
      else agreed.add(node);
      alarms.delete(node);
    },
  };
}

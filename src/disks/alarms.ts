import type { Journal, Write } from '../store/journal.ts';
import { prefixes } from '../store/keys.ts';
import type { NodeRecord } from '../store/records.ts';

/** Releases of one pass that are too many to be true, if they are also more than half of a node's attachments. */
const MANY = 10;

/**
 * What would make a node's word about its machines doubtful: another host answers under its name, or nearly all of its machines
 * are gone at once (a lost mount, an empty libvirtd). Nothing is released on such a node until an administrator agrees.
 */
export interface Alarms {
  /**
   * Checks the host that answers against the one that is known by each of these names: a name may lead to another URI now, and the
   * first host of a name is taken as it is.
   */
  checkHost(node: string, names: readonly string[], hostUuid: string): Promise<void>;
  /** Whether so many releases of one pass are believable. To be asked in every pass: it uses an agreement up. */
  checkReleases(node: string, releases: number, attachments: number): boolean;
  /** Why nothing is released on this node, or undefined. */
  of(node: string): string | undefined;
  /** An administrator agrees: the present host is the right one, and the machines are gone. `also` is written in the same batch. */
  agree(node: string, also: readonly Write[]): Promise<void>;
}

interface Alarm {
  readonly text: string;
  /** What to believe from now on, once somebody agrees. */
  readonly host: { readonly names: readonly string[]; readonly hostUuid: string } | undefined;
}

export function createAlarms(
  journal: Journal,
  known: readonly NodeRecord[],
  report: (node: string, text: string) => void,
): Alarms {
  const hosts = new Map(known.map(({ name, hostUuid }) => [name, hostUuid]));
  const alarms = new Map<string, Alarm>();
  const agreed = new Set<string>();

  async function learn(names: readonly string[], hostUuid: string, also: readonly Write[]): Promise<void> {
    const record = (name: string): NodeRecord => ({ v: 1, name, hostUuid });
    const records = names.map(name => ({ key: prefixes.node + name, value: record(name) }));
    await journal.commit([...records, ...also]);
    for (const name of names) hosts.set(name, hostUuid);
  }

  function raise(node: string, alarm: Alarm): void {
    if (alarms.get(node)?.text === alarm.text) return;
    alarms.set(node, alarm);
    report(node, alarm.text);
  }

  return {
    async checkHost(node, names, hostUuid) {
      const strange = names.find(name => hosts.has(name) && hosts.get(name) !== hostUuid);
      if (strange !== undefined) {
        const text = `host ${hostUuid} answers where host ${hosts.get(strange)} was known as ${strange}`;
        return raise(node, { text, host: { names, hostUuid } });
      }
      if (alarms.get(node)?.host) alarms.delete(node);
      const fresh = names.filter(name => !hosts.has(name));
      if (fresh.length > 0) await learn(fresh, hostUuid, []);
    },
    checkReleases(node, releases, attachments) {
      if (agreed.delete(node)) return true;
      if (releases <= MANY || releases * 2 <= attachments) return true;
      const text = `${releases} of ${attachments} attachments seem to have lost their machines or devices at once`;
      raise(node, { text, host: undefined });
      return false;
    },
    of: node => alarms.get(node)?.text,
    async agree(node, also) {
      const alarm = alarms.get(node);
      if (!alarm) return;
      if (alarm.host) await learn(alarm.host.names, alarm.host.hostUuid, also);
      else {
        if (also.length > 0) await journal.commit(also);
        agreed.add(node);
      }
      alarms.delete(node);
    },
  };
}

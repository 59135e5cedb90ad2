import type { Write } from '../../store/group-commit.ts';
import type { Hosts } from './hosts.ts';

/**
 * More releases than this in one pass are not believed, if they are also more than half of a node's
 * attachments.
 */
const BELIEVABLE_RELEASES = 10;

/**
 * Alarms: reasons not to believe what a node reports about its VMs. Either another host answers under its
 * name, or nearly all of its VMs have disappeared at once (a lost mount, an empty libvirtd). An alarm ends
 * when an administrator confirms the reports.
 */
export interface Alarms {
  /**
   * Compares the host that answers with the host on record for each of these names, because a name may now
   * lead to another URI. A name without a host on record gets this one.
   */
  checkHost(node: string, names: readonly string[], hostUuid: string): Promise<void>;
  /**
   * Raises an alarm if a pass would release too many attachments to be believed. Call once per pass: it
   * consumes the administrator's confirmation.
   */
  checkReleases(node: string, releases: number, attachments: number): void;
  /** The text of this node's alarm; undefined: none. */
  of(node: string): string | undefined;
  /**
   * The text of this node's alarm if another host answers than the one on record, so that no report counts;
   * undefined: none.
   */
  ofHost(node: string): string | undefined;
  /**
   * An administrator confirms that the present host is the right one, or that the VMs are gone. `also` is
   * written in the same batch.
   */
  agree(node: string, also: readonly Write[]): Promise<void>;
}

interface Alarm {
  readonly text: string;
  /** The host to record when an administrator confirms; undefined: the alarm is about releases. */
  readonly host: { readonly names: readonly string[]; readonly hostUuid: string } | undefined;
}

/** No alarms yet. `commit` writes a batch; `report` is called once for each alarm that is raised. */
export function createAlarms(
  hosts: Hosts,
  commit: (writes: readonly Write[]) => Promise<void>,
  report: (node: string, text: string) => void,
): Alarms {
  const alarms = new Map<string, Alarm>();
  const agreed = new Set<string>();

  function raise(node: string, alarm: Alarm): void {
    if (alarms.get(node)?.text === alarm.text) return;
    alarms.set(node, alarm);
    report(node, alarm.text);
  }

  return {
    async checkHost(node, names, hostUuid) {
      const known = (name: string) => hosts.uuidOf(name);
      const strange = names.find(name => known(name) !== undefined && known(name) !== hostUuid);
      if (strange !== undefined) {
        const text = `host ${hostUuid} answers where host ${known(strange)} was known as ${strange}`;
        return raise(node, { text, host: { names, hostUuid } });
      }
      if (alarms.get(node)?.host) alarms.delete(node);
      const fresh = names.filter(name => known(name) === undefined);
      if (fresh.length > 0) await hosts.learn(fresh, hostUuid);
    },
    checkReleases(node, releases, attachments) {
      if (agreed.delete(node)) return;
      if (releases <= BELIEVABLE_RELEASES || releases * 2 <= attachments) return;
      const text = `${releases} of ${attachments} attachments seem to have lost their VMs or devices at once`;
      raise(node, { text, host: undefined });
    },
    of: node => alarms.get(node)?.text,
    ofHost(node) {
      const alarm = alarms.get(node);
      return alarm?.host && alarm.text;
    },
    async agree(node, also) {
      const alarm = alarms.get(node);
      if (!alarm) return;
      if (alarm.host) await hosts.learn(alarm.host.names, alarm.host.hostUuid, also);
      else {
        if (also.length > 0) await commit(also);
        agreed.add(node);
      }
      alarms.delete(node);
    },
  };
}

import type { Write } from '../../store/group-commit.ts';
import type { Hosts } from './hosts.ts';

/** Releases of one pass that are too many to be true, if they are also more than half of a node's attachments. */
const BELIEVABLE_RELEASES = 10;

/**
 * What would make a node's word about its machines doubtful: another host answers under its name, or nearly all of its machines
 * are gone at once (a lost mount, an empty libvirtd). An administrator has to agree.
 */
export interface Alarms {
  /**
   * Checks the host that answers against the one that is known by each of these names: a name may lead to another URI now, and the
   * first host of a name is taken as it is.
   */
  checkHost(node: string, names: readonly string[], hostUuid: string): Promise<void>;
  /** Whether so many releases of one pass are believable. To be asked in every pass: it uses an agreement up. */
  checkReleases(node: string, releases: number, attachments: number): void;
  /** What the alarm on this node says, or undefined. */
  of(node: string): string | undefined;
  /** Why another host answers there than the one that is known, so that nothing it tells counts; or undefined. */
  ofHost(node: string): string | undefined;
  /** An administrator agrees: the present host is the right one, and the machines are gone. `also` is written in the same batch. */
  agree(node: string, also: readonly Write[]): Promise<void>;
}

interface Alarm {
  readonly text: string;
  /** What to believe from now on, once somebody agrees. */
  readonly host: { readonly names: readonly string[]; readonly hostUuid: string } | undefined;
}

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
      const text = `${releases} of ${attachments} attachments seem to have lost their machines or devices at once`;
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

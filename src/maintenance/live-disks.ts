import { reasonOf } from '../errors.ts';
import type { Hypervisor } from '../hypervisor/hypervisor.ts';
import { disksIn } from '../hypervisor/hypervisor.ts';

/** How long a node may take to answer, in milliseconds. */
const ANSWER_MS = 30_000;
/** How many domains of one node are looked at at once. */
const AT_ONCE = 4;

/** Which disks of ours are in live domains. */
export interface LiveDisks {
  /** UUIDs of disks, by our alias. */
  readonly disks: ReadonlySet<string>;
  /** A sentence for each node that did not tell all of its domains' disks. */
  readonly silent: readonly string[];
}

/** Asks every node that the configuration names for the disks in its live domains. Never rejects. */
export async function liveDisks(hypervisor: Hypervisor): Promise<LiveDisks> {
  const disks = new Set<string>();
  const silent: string[] = [];
  const deadline = (): number => Date.now() + ANSWER_MS;

  async function ask(node: string): Promise<void> {
    const { domains } = await hypervisor.listDomains(node, deadline());
    const active = domains.filter(one => one.active).values();
    const worker = async (): Promise<void> => {
      for (const { uuid } of active) {
        const found = await hypervisor.look(node, uuid, deadline());
        for (const { disk, by } of disksIn(found)) if (by === 'alias') disks.add(disk);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
  }

  await Promise.all(
    hypervisor.namedNodes().map(node =>
      ask(node).catch(error => {
        silent.push(`node '${hypervisor.hostOf(node)}' does not tell (${reasonOf(error)})`);
      }),
    ),
  );
  return { disks, silent };
}

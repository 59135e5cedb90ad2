// A disk that was hot-plugged is with its machine for one run. Where the machine's definition has it as well (it was migrated with a new
// definition, or defined anew from its live XML), the next start would take it without asking, when another may have it long since. So no
// look at a machine tells of its end, or that the disk has left it, before the definition has been put right.
import type { Logger } from 'pino';
import type { DomainName, Hypervisor, Look } from '../../hypervisor/hypervisor.ts';
import type { RecordIndex } from '../records/record-index.ts';
import type { Alarms } from './alarms.ts';
import { hotPlugged } from './vm-attachments.ts';

/** A domain whose definition has a disk of ours, by our alias, as the last look at it showed. */
export interface Definition {
  readonly disk: string;
  /** The node's canonical key, and the name by which it is known. */
  readonly node: string;
  readonly host: string;
  readonly domain: DomainName;
}

/** Which definitions have which disks of ours. */
export interface DefinitionBook {
  all(): Iterable<Definition>;
  put(node: string, host: string, domain: DomainName, disks: readonly string[]): void;
  /** The domains that a node has, by UUID: what others there were defined with is gone with them. */
  keepOnly(node: string, domains: ReadonlySet<string>): void;
}

export function createDefinitionBook(): DefinitionBook {
  const nodes = new Map<string, Map<string, readonly Definition[]>>();
  return {
    *all() {
      for (const domains of nodes.values()) yield* [...domains.values()].flat();
    },
    put(node, host, domain, disks) {
      const domains = nodes.get(node) ?? new Map<string, readonly Definition[]>();
      nodes.set(node, domains);
      if (disks.length === 0) domains.delete(domain.uuid);
      else {
        const { uuid, name } = domain;
        domains.set(
          uuid,
          disks.map(disk => ({ disk, node, host, domain: { uuid, name } })),
        );
      }
    },
    keepOnly(node, domains) {
      const known = nodes.get(node);
      for (const uuid of known?.keys() ?? []) if (!domains.has(uuid)) known?.delete(uuid);
    },
  };
}

/** What a look shows of the definition; nothing, where the domain is on its way or its next start begins with what was saved. */
export const definedIn = (look: Look): readonly string[] =>
  look.kind === 'running' || look.kind === 'off' ? look.defined : [];

const isPlugged = (look: Look, disk: string): boolean =>
  look.kind === 'running' && look.disks.some(one => one.disk === disk);

/** How often a machine is looked at again whose definition was put right, or defined anew meanwhile. */
const ATTEMPTS = 3;

export interface Tidying {
  /** As `Hypervisor.look`; takes hot-plugged disks out of the definition. Where that fails, `defined` has them still. */
  look: Hypervisor['look'];
  stop(): Promise<void>;
}

export function createTidying(parts: {
  readonly hypervisor: Hypervisor;
  readonly decided: RecordIndex;
  readonly alarms: Alarms;
  readonly log: Logger;
  readonly now: () => number;
  readonly questionMs: number;
}): Tidying {
  const { hypervisor, decided, alarms, log, now, questionMs } = parts;
  const stopping = new AbortController();
  const atWork = new Map<string, Promise<boolean>>();

  async function takeOut(node: string, domain: string, disk: string): Promise<boolean> {
    const why = await hypervisor.undefineDisk(node, domain, disk, now() + questionMs, stopping.signal);
    const facts = { node: hypervisor.hostOf(node), domain, disk };
    if (why === undefined)
      log.warn(facts, 'a hot-plugged disk was in the definition of its machine; it was taken out');
    else if (!stopping.signal.aborted)
      log.error({ ...facts, error: why }, 'a hot-plugged disk stays in the definition of its machine');
    return why === undefined;
  }

  /** Whether it is out; shared by all who want it at the same moment. */
  function begin(node: string, domain: string, disk: string): Promise<boolean> {
    const key = [node, domain, disk].join('\n');
    const last = atWork.get(key);
    if (last) return last;
    const work = takeOut(node, domain, disk).finally(() => atWork.delete(key));
    atWork.set(key, work);
    return work;
  }

  return {
    async look(node, domain, deadline, signal) {
      for (let attempt = 1; ; attempt += 1) {
        const look = await hypervisor.look(node, domain, deadline, signal);
        if (attempt === ATTEMPTS || alarms.ofHost(node) !== undefined) return look;
        const disks = definedIn(look).filter(disk => hotPlugged(decided, disk, domain));
        const works = disks.map(disk => ({ disk, isOut: begin(node, domain, disk) }));
        // Nobody releases what the running machine has, and a job there may hold up changes for long.
        const awaited = works.filter(({ disk }) => !isPlugged(look, disk));
        const isOut = await Promise.all(awaited.map(one => one.isOut));
        // Looked at again, for it may have been started with the disk before that was taken out.
        if (isOut.length === 0 || isOut.includes(false)) return look;
      }
    },
    async stop() {
      stopping.abort();
      await Promise.all(atWork.values());
    },
  };
}

// A hot-plugged disk belongs to its VM for one run. If the VM's definition contains it too (the VM was
// migrated with a new definition, or defined again from its live XML), the next start would take the disk
// without a request, when another VM may have it. So the definition is corrected before any inspection of a
// VM reports its end, or that the disk has left it.
import type { Logger } from 'pino';
import type { DomainName, Hypervisor, Look } from '../../hypervisor/hypervisor.ts';
import type { RecordIndex } from '../records/record-index.ts';
import type { Alarms } from './alarms.ts';
import { hotPlugged } from './vm-attachments.ts';

/** A domain whose definition contained one of our disks, by our alias, at its last inspection. */
export interface Definition {
  readonly disk: string;
  /** The node's canonical key; `host` is its name. */
  readonly node: string;
  readonly host: string;
  readonly domain: DomainName;
}

/** Which definitions contain which of our disks. */
export interface DefinitionBook {
  /** All definitions with a disk of ours. */
  all(): Iterable<Definition>;
  /** Our disks in the definition of a domain (UUID) on a node, at its last inspection. */
  of(node: string, domain: string): readonly string[];
  /** Sets the disks in the definition of one domain. */
  put(node: string, host: string, domain: DomainName, disks: readonly string[]): void;
  /** Forgets the definitions on this node of all domains but these, given by UUID. */
  keepOnly(node: string, domains: ReadonlySet<string>): void;
}

/** An empty book. */
export function createDefinitionBook(): DefinitionBook {
  const nodes = new Map<string, Map<string, readonly Definition[]>>();
  return {
    *all() {
      for (const domains of nodes.values()) yield* [...domains.values()].flat();
    },
    of: (node, domain) => (nodes.get(node)?.get(domain) ?? []).map(({ disk }) => disk),
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

/**
 * The disks in the definition, by an inspection. Empty for a domain in a switch-over, and for one with a
 * managed save image, whose next start begins with that image.
 */
export const definedIn = (look: Look): readonly string[] =>
  look.kind === 'running' || look.kind === 'off' ? look.defined : [];

const isPlugged = (look: Look, disk: string): boolean =>
  look.kind === 'running' && look.disks.some(one => one.disk === disk);

/** How often a VM is inspected if its definition is corrected or defined again meanwhile. */
const ATTEMPTS = 3;

/** Takes hot-plugged disks out of VMs' definitions. */
export interface Tidying {
  /**
   * As `Hypervisor.look`, but first takes hot-plugged disks out of the definition. Where that fails,
   * `defined` still contains them.
   */
  look: Hypervisor['look'];
  /** Aborts the corrections in progress. Resolves when they have ended. */
  stop(): Promise<void>;
}

/** Creates the correction of definitions. `questionMs`: how long a node may take, in milliseconds. */
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
      log.warn(facts, 'a hot-plugged disk was in the definition of its VM; it was taken out');
    else if (!stopping.signal.aborted)
      log.error({ ...facts, error: why }, 'a hot-plugged disk stays in the definition of its VM');
    return why === undefined;
  }

  /** Whether the disk is out of the definition; concurrent calls share one attempt. */
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
        // A disk that the running VM has is not released, so it need not be awaited: a job in libvirt may
        // block changes for long.
        const awaited = works.filter(({ disk }) => !isPlugged(look, disk));
        const isOut = await Promise.all(awaited.map(one => one.isOut));
        // Inspect again: the VM may have been started with the disk before the disk was taken out.
        if (isOut.length === 0 || isOut.includes(false)) return look;
      }
    },
    async stop() {
      stopping.abort();
      await Promise.all(atWork.values());
    },
  };
}

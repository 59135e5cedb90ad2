import type { Allowed } from './checks.ts';
import type { Answer } from './process.ts';
import type { Site } from './site.ts';
import type { DiskSeen, View } from './view.ts';

/** One making of an operation on a prepared site. */
export interface Trial {
  /**
   * Sends the request, under this Idempotency-Key if there is one; or lets happen what the service is to
   * notice, and waits until it has. Undefined: the process has ended before, or nothing was asked. A start is
   * not done by this, which then only repeats an earlier request.
   */
  act(key: string | undefined): Promise<Answer | undefined>;
  /** Whether all of it is done; whether nothing is. One of them must hold at rest. */
  done(view: View): boolean;
  undone(view: View): boolean;
  /**
   * Whether this is the right answer to a repetition of the request. Undefined: there is no request to
   * repeat.
   */
  readonly repeated?: ((answer: Answer) => boolean) | undefined;
  readonly allowed?: Allowed;
}

/** An operation of the matrix. */
export interface Operation {
  readonly name: string;
  /** The operation is a request, which may have an Idempotency-Key. */
  readonly isRequest?: boolean;
  /** The operation is the start of a process, whose boundaries count from its beginning. */
  readonly starts?: boolean;
  /** The operation is the end of a process. */
  readonly stops?: boolean;
  /** Begins with an empty folder. */
  readonly anew?: boolean;
  prepare(site: Site): Promise<Trial>;
}

export const succeeded = ({ status }: Answer): boolean => status < 300;

/** A disk in a view, by its UUID. */
export const diskIn = (view: View, uuid: string): DiskSeen | undefined =>
  view.disks.find(disk => disk.uuid === uuid);

/** Creates a disk of alice. */
export async function newDisk(site: Site): Promise<string> {
  const form = { size: '1', tag: 'a disk', visibility: 'private' };
  return (await site.demand<{ uuid: string }>('POST', '/api/create', { as: 'alice', form })).uuid;
}

/** A VM of a new name on n1; `form` names it in requests. */
export interface NewVm {
  readonly name: string;
  readonly form: { readonly node: string; readonly vm_id: string };
}

/** Names a VM that does not exist yet. */
export function nameVm(site: Site): NewVm {
  const vm_id = String(site.next());
  return { name: `one-${vm_id}`, form: { node: 'n1', vm_id } };
}

/** Starts a VM. */
export function newVm(site: Site): NewVm {
  const vm = nameVm(site);
  site.n1.addDomain({ name: vm.name });
  return vm;
}

/** A disk that is plugged into a VM. */
export async function pluggedDisk(site: Site): Promise<{ readonly uuid: string; readonly vm: NewVm }> {
  const [uuid, vm] = [await newDisk(site), newVm(site)];
  await site.demand('POST', `/api/hotattach/${uuid}`, { as: 'alice', form: vm.form });
  return { uuid, vm };
}

// What the API answers, as far as this page reads it.

/** Of `GET /api/machines`. */
export interface MachineEntry {
  readonly name: string;
  readonly states: readonly { readonly state: string; readonly count: number }[];
}

export interface Disk {
  readonly uuid: string;
  readonly tag: string;
  readonly owner: string;
  readonly size: string;
  readonly users: string;
  readonly visibility: string;
  readonly created: string;
}

/** What a machine would do with an event now. */
export interface Finding {
  readonly event: string;
  readonly given: string;
  readonly request: string | null;
  readonly outcome: 'taken' | 'refused' | 'unheard';
  readonly to: string | null;
  readonly guard: string | null;
  readonly code: string | null;
  readonly message: string | null;
}

/** An event of the stream. */
export interface Change {
  readonly type: string;
  readonly subject: string;
  readonly time: string;
  readonly sequence: number;
  readonly data: {
    readonly disk: Disk | null;
    readonly attachment: {
      readonly id: string;
      readonly node: string | null;
      readonly vm_id: string | null;
    } | null;
    readonly from: string | null;
    readonly to: string;
    readonly cause: { readonly kind: string; readonly request?: string; readonly account?: string };
  };
}

/** A bookmark, a piece of a snapshot, word that the place to resume from is lost, how full the pool is, or what differs from the records. */
export interface Control {
  readonly control: 'bookmark' | 'snapshot' | 'resync' | 'pool' | 'drift';
  readonly disks?: readonly Disk[];
}

export interface Place {
  readonly machine: string;
  readonly state: string;
  readonly awaits: { readonly events: readonly string[]; readonly until: string } | null;
  readonly events: readonly Finding[];
  readonly record: object | null;
}

export interface AttachmentPlace extends Place {
  readonly id: string;
  readonly mode: string;
  readonly since: string;
  readonly node: string | null;
  readonly vm_id: string | null;
  readonly target: string | null;
}

/** Of `GET /api/disks/:uuid/chart`. */
export interface DiskPlace extends Place {
  readonly disk: Disk;
  readonly limit: string;
  readonly attachments: readonly AttachmentPlace[];
  readonly history: { readonly since: number; readonly events: readonly Change[] };
}

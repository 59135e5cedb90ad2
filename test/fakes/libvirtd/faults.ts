import type { procedures } from '../../../src/libvirt/procedures.ts';

export type ProcedureName = keyof typeof procedures;

/** What can go wrong with one call. */
export type Fault =
  /** Refused, not executed. */
  | { kind: 'refuse'; code: number; message: string; domain?: number }
  /** Executed after so many milliseconds, or when `until` settles, then answered. */
  | { kind: 'delay'; ms?: number; until?: Promise<unknown> }
  /** The connection is cut; the call was not executed. */
  | { kind: 'drop-before' }
  /** Executed, then the connection is cut instead of an answer. */
  | { kind: 'drop-after' }
  /** Executed, never answered. */
  | { kind: 'no-answer' }
  /** Executed, answered with a serial that nobody asked with. */
  | { kind: 'wrong-serial' }
  /** Executed, answered as another procedure. */
  | { kind: 'wrong-procedure' }
  /** Executed, answered with bytes that are no message. */
  | { kind: 'garbage' };

export interface Faults {
  /** The next `times` (default 1) calls of `procedure` go wrong; several faults are used up in the order given. */
  inject(procedure: ProcedureName, fault: Fault, times?: number): void;
  /** From now on nothing is read from or written to any connection, nor to new ones, as in a dead network. */
  deaf: boolean;
  /** Every answer is sent byte by byte. */
  slowBytes: boolean;
  /** PINGs are not answered. */
  ignorePings: boolean;
  /** Everything as it should be. */
  clear(): void;
}

/** No faults; `take` gives the fault of the next call of a procedure, once. */
export function noFaults(): Faults & { take(procedure: ProcedureName): Fault | undefined } {
  const planned = new Map<ProcedureName, Fault[]>();
  const faults: ReturnType<typeof noFaults> = {
    deaf: false,
    slowBytes: false,
    ignorePings: false,
    inject(procedure, fault, times = 1) {
      const list = planned.get(procedure) ?? [];
      for (let i = 0; i < times; i++) list.push(fault);
      planned.set(procedure, list);
    },
    take: procedure => planned.get(procedure)?.shift(),
    clear() {
      planned.clear();
      faults.deaf = false;
      faults.slowBytes = false;
      faults.ignorePings = false;
    },
  };
  return faults;
}

import type { procedures } from '../../../src/libvirt/procedures.ts';

export type ProcedureName = keyof typeof procedures;

/** A fault of one call. */
export type Fault =
  /** The call is refused and not executed. */
  | { kind: 'refuse'; code: number; message: string; domain?: number }
  /** The call is executed and answered after `ms` milliseconds, or when `until` settles. */
  | { kind: 'delay'; ms?: number; until?: Promise<unknown> }
  /** The connection is cut and the call is not executed. */
  | { kind: 'drop-before' }
  /** The call is executed, then the connection is cut without an answer. */
  | { kind: 'drop-after' }
  /** The call is executed and never answered. */
  | { kind: 'no-answer' }
  /** The call is executed twice and answered with the second result. */
  | { kind: 'twice' }
  /** The call is executed and answered with a serial that no call has. */
  | { kind: 'wrong-serial' }
  /** The call is executed and answered with the number of another procedure. */
  | { kind: 'wrong-procedure' }
  /** The call is executed and answered with bytes that are no message. */
  | { kind: 'garbage' };

/** The faults of a fake, to be set by a test. */
export interface Faults {
  /** The next `times` (default 1) calls of `procedure` get this fault; faults are used in order. */
  inject(procedure: ProcedureName, fault: Fault, times?: number): void;
  /** While true, nothing is read from or written to any connection, as with a broken network. */
  deaf: boolean;
  /** Every answer is sent byte by byte. */
  slowBytes: boolean;
  /** PINGs are not answered. */
  ignorePings: boolean;
  /** Removes all faults. */
  clear(): void;
}

/** No faults yet; `take` removes and returns the fault for the next call of a procedure. */
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

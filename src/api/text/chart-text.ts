import type { AnyStateMachine } from 'xstate';
import { attachmentMachine } from '../../../machines/attachment.ts';
import { diskMachine } from '../../../machines/disk.ts';

export const machines = { disk: diskMachine, attachment: attachmentMachine } as const;
export type MachineName = keyof typeof machines;
export const machineNames = Object.keys(machines) as MachineName[];

/** In the form in which XState's `createMachine` and Stately's tools take a machine; what only code can say is left out. */
export const jsonOf = (machine: AnyStateMachine): string => JSON.stringify(machine.config);

/** The charts, with how many are in each state. */
export const machineEntries = (counts: Readonly<Record<MachineName, ReadonlyMap<string, number>>>) =>
  machineNames.map(name => ({
    name,
    states: Object.keys(machines[name].states).map(state => ({ state, count: counts[name].get(state) ?? 0 })),
  }));

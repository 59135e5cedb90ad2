import type { EventObject } from 'xstate';
import type { Vm } from '../../machines/vm.ts';
import type { Probe } from './explain-event.ts';

/**
 * An assumption about an event: a phrase for people, the event's fields under it, and the VM that it is
 * about.
 */
export type Assumption = readonly [given: string, fields: object, vm?: Vm];

/** How events of one type could arrive. */
export interface ProbeKind<Facts> {
  /** The request that sends them. `:uuid` stands for the disk's UUID. */
  readonly request?: string;
  readonly givens: (facts: Facts) => readonly Assumption[];
}

/** An event without assumptions. */
export const always = <Facts>(fields: (facts: Facts) => object): ProbeKind<Facts> => ({
  givens: facts => [['', fields(facts)]],
});

/** Every event that a chart could get now, each with `facts.stamp` added. */
export const probesOf = <Facts extends { readonly stamp: object }>(
  kinds: Readonly<Record<string, ProbeKind<Facts>>>,
  facts: Facts,
  uuid: string,
): Probe[] =>
  Object.entries(kinds).flatMap(([type, { request, givens }]) =>
    givens(facts).map(([given, fields, vm]) => ({
      given,
      vm: vm ?? null,
      request: request?.replace(':uuid', uuid) ?? null,
      event: { ...fields, ...facts.stamp, type } satisfies EventObject,
    })),
  );

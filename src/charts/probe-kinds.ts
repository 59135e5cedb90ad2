import type { EventObject } from 'xstate';
import type { Vm } from '../../machines/vm.ts';
import type { Probe } from './explain-event.ts';

/** What is assumed of an event, in words, the fields that say so, and the machine that it is about. */
export type Assumption = readonly [given: string, fields: object, vm?: Vm];

/** How events of one type could come. */
export interface ProbeKind<Facts> {
  /** The request that sends them; `:uuid` stands for the disk's. */
  readonly request?: string;
  readonly givens: (facts: Facts) => readonly Assumption[];
}

/** An event about which there is nothing to assume. */
export const always = <Facts>(fields: (facts: Facts) => object): ProbeKind<Facts> => ({
  givens: facts => [['', fields(facts)]],
});

/** Every event that a chart could be sent now; `stamp` is what all of them carry. */
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

import type { Answer, Refuse } from './notes.ts';
import type { Failure, Refusal } from './reasons.ts';

type Mutable<T> = T extends (...args: never[]) => unknown
  ? T
  : T extends object
    ? { -readonly [Key in keyof T]: Mutable<T[Key]> }
    : T;

/**
 * A part of a chart for several states, with its literal types preserved. Mutable, because XState does not
 * accept readonly arrays.
 */
export const shared = <const T>(piece: T): Mutable<T> => piece as Mutable<T>;

/** A transition that changes nothing and answers the sender with this code. */
export const refusal = <Code extends Refusal>(code: Code) => ({
  actions: { type: 'refuse' as const, params: { code } satisfies Refuse },
});

/** Answers the waiting request: done. */
export const answerDone = { type: 'answer' as const, params: { problem: null } satisfies Answer };

/** Answers the waiting request with this failure. */
export const answerProblem = <Code extends Failure>(code: Code) => ({
  type: 'answer' as const,
  params: { problem: { code, detail: '' } } satisfies Answer,
});

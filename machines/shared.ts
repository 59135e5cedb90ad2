import type { Answer, Refuse } from './notes.ts';
import type { Failure, Refusal } from './reasons.ts';

type Mutable<T> = T extends (...args: never[]) => unknown
  ? T
  : T extends object
    ? { -readonly [Key in keyof T]: Mutable<T[Key]> }
    : T;

/** A piece of a chart that several states have in common, with its literal types kept: XState does not take readonly arrays. */
export const shared = <const T>(piece: T): Mutable<T> => piece as Mutable<T>;

/** A transition that changes nothing and tells the sender why. */
export const refusal = <Code extends Refusal>(code: Code) => ({
  actions: { type: 'refuse' as const, params: { code } satisfies Refuse },
});

/** Tells whoever waits that what was asked for is done. */
export const answerDone = { type: 'answer' as const, params: { problem: null } satisfies Answer };

/** Tells whoever waits what went wrong. */
export const answerProblem = <Code extends Failure>(code: Code) => ({
  type: 'answer' as const,
  params: { problem: { code, detail: '' } } satisfies Answer,
});

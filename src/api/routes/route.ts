import type { Caller } from '../../accounts/caller.ts';
import type { Cause } from '../../disks/service.ts';
import { checkInputs } from '../description/inputs.ts';
import type { ChangingMethod, Operation } from '../description/operation.ts';
import type { HttpAnswer } from '../http/answer.ts';
import { type Fields, noFields } from '../http/fields.ts';
import type { Head } from '../http/head.ts';
import type { Begun, RememberAnswer } from './idempotency.ts';

interface Request {
  readonly caller: Caller;
  readonly cause: Cause;
  readonly head: Head;
  /** The values of `:name` in the path, percent-decoded, in order. */
  readonly params: readonly string[];
}

/** A request for a change that has no effects outside the store. */
interface AtomicRequest extends Request {
  /** Returns what to write in the batch of the change, so that a repetition gets this answer. */
  readonly rememberAnswer: RememberAnswer;
}

/** A request that was decided before a restart, but not answered. */
interface InterruptedRequest {
  readonly caller: Caller;
  readonly begun: Begun;
}

type Run<Asked, Inputs> = (request: Asked, inputs: Inputs) => HttpAnswer | Promise<HttpAnswer>;

/** The answer, once the actor of the request is at rest; undefined if the request had no effect. */
type Recover<Inputs> = (
  request: InterruptedRequest,
  inputs: Inputs,
) => HttpAnswer | undefined | Promise<HttpAnswer | undefined>;

/** An operation and its implementation. */
export interface Route {
  readonly operation: Operation;
  /** The caller by other credentials than the header Authorization; undefined if there are none. */
  holder?(head: Head): Caller | undefined;
  /** Whether the answer has a secret, which is sent once and never stored. */
  readonly secret?: boolean;
  /** Checks the inputs, then runs the operation. Throws and rejects with `PdiskError`s. */
  answer(request: AtomicRequest, fields: Fields): HttpAnswer | Promise<HttpAnswer>;
  /** The answer to a request that was decided before a restart, but not answered. */
  recover(request: InterruptedRequest, fields: Fields): Promise<HttpAnswer | undefined>;
}

function routeOf<Inputs>(
  operation: Operation<Inputs>,
  run: Run<AtomicRequest, Inputs>,
  recover: Recover<Inputs>,
): Route {
  const { inputs, invalid = 'BAD_INPUT' } = operation;
  // Most requests have no inputs, and no inputs always parse to the same value.
  const ofNoFields = inputs.safeParse(noFields);
  const checked = (fields: Fields): Inputs =>
    fields === noFields && ofNoFields.success ? ofNoFields.data : checkInputs(inputs, fields, invalid);

  return {
    operation,
    answer: (request, fields) => run(request, checked(fields)),
    recover: async (request, fields) => recover(request, checked(fields)),
  };
}

const nothing = (): undefined => undefined;

/** A route for an operation that reads; `run` gets the inputs in the type of its schema. */
export const route = <Inputs>(operation: Operation<Inputs, 'GET'>, run: Run<Request, Inputs>): Route =>
  routeOf(operation, run, nothing);

/**
 * A route for an operation that changes something. `recover` finds its answer after a restart, so that
 * nothing is done twice under one Idempotency-Key.
 */
export const change = <Inputs>(
  operation: Operation<Inputs, ChangingMethod>,
  { run, recover }: { readonly run: Run<Request, Inputs>; readonly recover: Recover<Inputs> },
): Route => routeOf(operation, run, recover);

/**
 * A route for a change that has no effects outside the store. `run` writes its answer in the batch of the
 * change (`rememberAnswer`), so after a restart there are both or neither.
 */
export const atomicChange = <Inputs>(
  operation: Operation<Inputs, ChangingMethod>,
  run: Run<AtomicRequest, Inputs>,
): Route => routeOf(operation, run, nothing);

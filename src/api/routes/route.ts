import type { Caller } from '../../accounts/caller.ts';
import type { Cause } from '../../disks/service.ts';
import { checkInputs } from '../description/inputs.ts';
import type { ChangingMethod, Operation } from '../description/operation.ts';
import type { HttpAnswer } from '../http/answer.ts';
import { type Fields, noFields } from '../http/fields.ts';
import type { Head } from '../http/head.ts';
import type { Begun, Keep } from './idempotency.ts';

interface Request {
  readonly caller: Caller;
  readonly cause: Cause;
  readonly head: Head;
  /** What stands in the path for `:name`, percent-decoded, in order. */
  readonly params: readonly string[];
}

/** A request for a change that is done with its decision. */
interface KeepingRequest extends Request {
  /** What to write in the same batch, so that a repetition finds this answer. */
  readonly keep: Keep;
}

/** A request that a restart has interrupted after it was decided. */
interface InterruptedRequest {
  readonly caller: Caller;
  readonly begun: Begun;
}

type Run<Asked, Inputs> = (request: Asked, inputs: Inputs) => HttpAnswer | Promise<HttpAnswer>;

/** The answer once what the request was about has come to rest; undefined where nothing came of it. */
type Recover<Inputs> = (
  request: InterruptedRequest,
  inputs: Inputs,
) => HttpAnswer | undefined | Promise<HttpAnswer | undefined>;

/** An operation and what does it. */
export interface Route {
  readonly operation: Operation;
  /** Who asks, by other means than the header Authorization; undefined: nobody. */
  holder?(head: Head): Caller | undefined;
  /** Whether its answer is told once and kept nowhere. */
  readonly secret?: boolean;
  /** Checks the inputs, then acts. Throws and rejects with PdiskErrors. */
  answer(request: KeepingRequest, fields: Fields): HttpAnswer | Promise<HttpAnswer>;
  /** Answers, after a restart, what was decided and not answered before it. */
  recover(request: InterruptedRequest, fields: Fields): Promise<HttpAnswer | undefined>;
}

function routeOf<Inputs>(
  operation: Operation<Inputs>,
  run: Run<KeepingRequest, Inputs>,
  recover: Recover<Inputs>,
): Route {
  const { inputs, invalid = 'BAD_INPUT' } = operation;
  // Most requests say nothing, and of nothing the schema makes the same each time.
  const ofNothing = inputs.safeParse(noFields);
  const checked = (fields: Fields): Inputs =>
    fields === noFields && ofNothing.success ? ofNothing.data : checkInputs(inputs, fields, invalid);

  return {
    operation,
    answer: (request, fields) => run(request, checked(fields)),
    recover: async (request, fields) => recover(request, checked(fields)),
  };
}

const nothing = (): undefined => undefined;

/** An operation that reads, with inputs that are what its schema says. */
export const route = <Inputs>(operation: Operation<Inputs, 'GET'>, run: Run<Request, Inputs>): Route =>
  routeOf(operation, run, nothing);

/** An operation that changes something, and what tells after a restart what came of it: nothing is done twice under one Idempotency-Key. */
export const change = <Inputs>(
  operation: Operation<Inputs, ChangingMethod>,
  { run, recover }: { readonly run: Run<Request, Inputs>; readonly recover: Recover<Inputs> },
): Route => routeOf(operation, run, recover);

/** A change that is done with its decision. It takes its answer to disk by `keep`, so after a restart there are both or neither. */
export const keptChange = <Inputs>(
  operation: Operation<Inputs, ChangingMethod>,
  run: Run<KeepingRequest, Inputs>,
): Route => routeOf(operation, run, nothing);

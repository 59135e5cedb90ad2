import type { Caller, Cause } from '../disks/service.ts';
import type { Answer } from './answer.ts';
import { type Fields, noFields } from './fields.ts';
import type { Head } from './head.ts';
import type { Keep } from './idempotency.ts';
import { checkInputs } from './inputs.ts';
import type { Operation } from './operation.ts';

interface Request {
  readonly caller: Caller;
  readonly cause: Cause;
  /** For a change that is done with its decision: what to write in the same batch, so that a repetition finds this answer. */
  readonly keep: Keep;
  readonly head: Head;
  /** What stands in the path for `:name`, percent-decoded, in order. */
  readonly params: readonly string[];
}

type Run<Inputs> = (request: Request, inputs: Inputs) => Answer | Promise<Answer>;

/** An operation and what does it. */
export interface Route {
  readonly operation: Operation;
  /** Who asks, by other means than the header Authorization; undefined: nobody. */
  holder?(head: Head): Caller | undefined;
  /** Whether its answer is told once and kept nowhere. */
  readonly secret?: boolean;
  /** Checks the inputs, then acts. Throws and rejects with PdiskErrors. */
  answer(request: Request, fields: Fields): Answer | Promise<Answer>;
}

/** What does an operation, with inputs that are what its schema says. */
export function route<Inputs>(operation: Operation<Inputs>, run: Run<Inputs>): Route {
  const { inputs, invalid = 'BAD_INPUT' } = operation;
  // Most requests say nothing, and of nothing the schema makes the same each time.
  const ofNothing = inputs.safeParse(noFields);

  return {
    operation,
    answer: (request, fields) =>
      run(
        request,
        fields === noFields && ofNothing.success ? ofNothing.data : checkInputs(inputs, fields, invalid),
      ),
  };
}

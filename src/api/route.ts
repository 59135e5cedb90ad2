import type { z } from 'zod';
import type { Caller, Cause } from '../disks/service.ts';
import type { ErrorCode } from '../errors.ts';
import type { Answer } from './answer.ts';
import type { Fields } from './fields.ts';
import type { Head } from './head.ts';
import { checkInputs } from './inputs.ts';

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

interface Request {
  readonly caller: Caller;
  readonly cause: Cause;
  readonly head: Head;
  /** What stands in the path for `:name`, percent-decoded, in order. */
  readonly params: readonly string[];
}

type Run<Inputs> = (request: Request, inputs: Inputs) => Answer | Promise<Answer>;

/** One method at one URL. HEAD goes wherever GET does. */
export interface Route {
  readonly method: Method;
  /** Segments that begin with a colon stand for anything. */
  readonly path: string;
  /** Where its inputs are: POST and PUT have them in the body, the others in the query. */
  readonly inputsFrom: 'body' | 'query';
  /** Who asks, by other means than the header Authorization; undefined: nobody. */
  holder?(head: Head): Caller | undefined;
  /** Whether its answer is told once and kept nowhere. */
  readonly secret?: boolean;
  /** Checks the inputs, then acts. Throws and rejects with PdiskErrors. */
  answer(request: Request, fields: Fields): Answer | Promise<Answer>;
}

/** A route whose inputs are what the schema says; those that are not are answered with the code `invalid`. */
export function route<Inputs>(
  method: Method,
  path: string,
  inputs: z.ZodType<Inputs>,
  run: Run<Inputs>,
  invalid: ErrorCode = 'BAD_INPUT',
): Route {
  return {
    method,
    path,
    inputsFrom: method === 'POST' || method === 'PUT' ? 'body' : 'query',
    answer: (request, fields) => run(request, checkInputs(inputs, fields, invalid)),
  };
}

// One request of a client, from its sending to its answer. An answer is true if what it says held at some
// moment in between: the request watches the world until it is answered.
import { PdiskError } from '../../src/errors.ts';
import type { Service } from './service.ts';
import type { World } from './world.ts';

/** A request, and what its answers say. */
export interface Request<Answer> {
  /** What is asked, for the report of a failure. */
  readonly text: string;
  send(service: Service): Promise<Answer>;
  /** What a success says; watched from the sending on. Undefined: see `after`. */
  readonly success?: () => boolean;
  /** What each refusal says, by its code. */
  readonly refusals?: Readonly<Record<string, () => boolean>>;
  /** What is wrong with a success, in the moment of the answer; undefined: nothing. */
  readonly after?: (answer: Answer) => string | undefined;
  /** Called at the end: `outcome` is a code, or `done`, or `unknown` where the answer was lost. */
  readonly ended?: (outcome: string) => void;
}

/** Codes of answers after which what was asked for may still happen. */
const OPEN_ENDED: ReadonlySet<string> = new Set([
  'STORE_FAILED',
  'INTERRUPTED',
  'REMOVE_FAILED',
  'REMOVE_TIMEOUT',
  'GROW_TIMEOUT',
  'UNPLUG_UNKNOWN',
  'PLUG_UNKNOWN',
]);

/** Sends a request to the process, and judges its answer. Never rejects. */
export async function sendRequest<Answer>(world: World, request: Request<Answer>): Promise<void> {
  const service = world.service();
  if (!service) {
    request.ended?.('unsent');
    return;
  }
  const claims = new Map<string, () => boolean>(Object.entries(request.refusals ?? {}));
  if (request.success) claims.set('done', request.success);
  const seen = new Set<string>();
  const watched = {
    look(): void {
      for (const [code, holds] of claims) if (!seen.has(code) && holds()) seen.add(code);
    },
  };
  watched.look();
  world.watched.add(watched);
  let outcome = 'done';
  try {
    const lost = service.ended.then(() => undefined);
    const answer = await Promise.race([request.send(service).then(value => ({ value })), lost]);
    if (!answer || service.isDead()) outcome = 'unknown';
    else {
      const wrong = request.after?.(answer.value);
      if (wrong !== undefined) world.violated(`${request.text} was answered with success, but ${wrong}`);
    }
  } catch (error) {
    if (!(error instanceof PdiskError)) throw error;
    outcome = service.isDead() ? 'unknown' : error.code;
  }
  watched.look();
  world.watched.delete(watched);
  if (outcome !== 'unknown') {
    world.note(`${request.text}: ${outcome}`);
    if (claims.has(outcome) && !seen.has(outcome))
      world.violated(`${request.text} was answered ${outcome}, which was never true`);
  }
  request.ended?.(OPEN_ENDED.has(outcome) ? 'unknown' : outcome);
}

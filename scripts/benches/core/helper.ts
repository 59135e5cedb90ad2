import { fork } from 'node:child_process';
import { once } from 'node:events';
import { pinnedTo } from './processors.ts';

/** A child process of the bench that answers each message with one message. */
export interface Helper<Question, Answer> {
  ask(question: Question): Promise<Answer>;
  stop(): Promise<void>;
}

/**
 * Starts a file of this folder, pinned to one processor if one is given; resolves with the process and its
 * first message.
 */
export async function startHelper<Question extends object, Answer>(
  name: string,
  args: readonly string[],
  processor?: number,
): Promise<{ helper: Helper<Question, Answer>; first: unknown }> {
  const [execPath = '', ...execArgv] = pinnedTo(processor, [process.execPath, '--import=tsx']);
  const child = fork(new URL(name, import.meta.url), args, { execPath, execArgv });
  const gone = once(child, 'exit').then(([status]) => {
    throw new Error(`a process of the bench ended with ${status}`);
  });
  // It is also ended on purpose, when nothing waits for its answer.
  gone.catch(() => {});
  const message = async (): Promise<unknown> => (await Promise.race([once(child, 'message'), gone]))[0];
  const first = await message();
  const helper: Helper<Question, Answer> = {
    async ask(question) {
      const answered = message();
      child.send(question);
      return (await answered) as Answer;
    },
    async stop() {
      const exited = once(child, 'exit');
      child.kill();
      await exited;
    },
  };
  return { helper, first };
}

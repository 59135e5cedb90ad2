import { parseArgs } from 'node:util';

/** What a command takes besides the options of all commands. */
interface CommandForm {
  /** The name of its operand in the help, if it takes one. */
  readonly operand?: string;
  readonly options: readonly Flag[];
  /** What it does, for the help. */
  readonly does: string;
}

type Flag = 'accept-loss' | 'check-config' | 'replace';

/** Every command, in the order of the help. */
export const commands = {
  serve: {
    options: ['accept-loss', 'check-config'],
    does: 'serve until SIGTERM or SIGINT; what pdisk does without a command',
  },
  backup: {
    operand: 'FILE',
    options: [],
    does: 'write all records into FILE, whether the service runs or not',
  },
  restore: {
    operand: 'FILE',
    options: ['replace'],
    does: 'make the store of data_dir from a backup; the service must not run',
  },
  check: {
    options: [],
    does: 'check configuration, store and pool, whether the service runs or not; exits with 0, 1 or 2',
  },
} as const satisfies Record<string, CommandForm>;

/** The name of a command. */
export type Command = keyof typeof commands;

/** What the command line says. */
export interface Arguments {
  readonly command: Command;
  /** The command's operand; empty for one that takes none. */
  readonly operand: string;
  /** The configuration file. */
  readonly config: string | undefined;
  readonly help: boolean;
  readonly version: boolean;
  readonly has: (flag: Flag) => boolean;
}

const isCommand = (word: string): word is Command => Object.hasOwn(commands, word);

/** Parses the arguments behind the program's name. Throws an Error that completes "the command line is wrong". */
export function parseArguments(argv: readonly string[]): Arguments {
  const flag = { type: 'boolean' } as const;
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      config: { type: 'string' },
      help: flag,
      version: flag,
      'accept-loss': flag,
      'check-config': flag,
      replace: flag,
    },
  });
  const [command = 'serve', ...operands] = positionals;
  if (!isCommand(command)) throw new Error(`there is no command '${command}'`);
  const form: CommandForm = commands[command];
  const expected = form.operand === undefined ? 0 : 1;
  const { help = false, version = false } = values;
  if (!help && !version && operands.length !== expected)
    throw new Error(`${command} takes ${form.operand ? `one ${form.operand}` : 'no operand'}`);
  const { config, help: _, version: __, ...flags } = values;
  const strange = Object.keys(flags).find(name => !(form.options as readonly string[]).includes(name));
  if (strange !== undefined) throw new Error(`${command} has no option --${strange}`);
  const [operand = ''] = operands;
  return { command, operand, config, help, version, has: name => values[name] === true };
}

import { commands } from './arguments.ts';
import { allSettings } from './settings.ts';

const onlyInTheEnvironment = [
  ['PDISK_CONFIG', 'The configuration file; `--config FILE` overrides it.'],
  [
    'PDISK_ADMIN_PASSWORD',
    'The password of the account `admin` when the first start makes it, stored only as its hash; ignored once there is an account.',
  ],
  [
    'UWS_HTTP_MAX_HEADERS_SIZE',
    'How many bytes the head of a request may have, 4096 by default; beyond that uWebSockets.js answers 431.',
  ],
  ['UV_THREADPOOL_SIZE', 'How many threads write to disk and hash passwords; `scripts/server` sets 8.'],
] as const;

/** The settings as the Markdown table of the README. */
export function settingsTable(): string {
  const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [
    row(['setting', 'environment', 'default', 'meaning']),
    row(['---', '---', '---', '---']),
    ...allSettings.map(s => row([`\`${s.name}\``, `\`${s.env}\``, s.default, s.description])),
    ...onlyInTheEnvironment.map(([name, description]) => row(['', `\`${name}\``, '', description])),
    '',
  ].join('\n');
}

const plain = (markdown: string): string => markdown.replaceAll('`', '');

const commandTexts = (): string[] =>
  Object.entries<{ operand?: string; does: string }>(commands).map(
    ([name, { operand, does }]) => `  ${[name, operand].join(' ').padEnd(15)}  ${does}`,
  );

/** What `--help` prints. */
export function helpText(): string {
  return [
    'Usage: pdiskd [COMMAND] [OPTION...]',
    '',
    ...commandTexts(),
    '',
    '  check exits with 0 if nothing was found, with 1 if there are only things with which the service starts, else',
    '  with 2.',
    '',
    '  --config FILE    read settings from this YAML file (an empty one is valid); for every command',
    '  --check-config   say what is wrong with the settings and the certificate, if anything, try every node for 10 s',
    '                   at most, say what it answers and when its certificate expires, and exit',
    '  --accept-loss    start once with a database that has lost something, or none where there was one; what is',
    '                   missing stays missing',
    '  --replace        restore although data_dir has a store, which is moved into a folder beside it',
    '  --version        say which version this is and exit',
    '  --help           show this and exit',
    '',
    'Settings: the name in the file, the environment variable that overrides it, the default.',
    'Environment variables for numbers, lists and maps are read as YAML; an empty one counts as not set.',
    '',
    ...allSettings.flatMap(s => [
      `  ${s.name}  ${s.env}  ${plain(s.default)}`,
      `      ${plain(s.description)}`,
      `      Allowed: ${s.allowed}.`,
    ]),
    '',
    'Only in the environment:',
    '',
    ...onlyInTheEnvironment.flatMap(([name, description]) => [`  ${name}`, `      ${plain(description)}`]),
    '',
  ].join('\n');
}

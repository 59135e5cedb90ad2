import { checkCertificate } from './api/http/certificate.ts';
import { unknownVariables } from './config/environment.ts';
import { helpText } from './config/help.ts';
import { type Config, ConfigError, commandLine, loadConfig } from './config.ts';
import { sentenceOf } from './errors.ts';
import { tryNodes } from './hypervisor/probe.ts';
import { openLog, say } from './logging.ts';
import { serve } from './main.ts';
import { maintain } from './maintenance/commands.ts';
import { version } from './version.ts';

async function run(end: AbortSignal): Promise<void> {
  const argv = process.argv.slice(2);
  const { command, operand, help, version: asksVersion, has } = commandLine(argv);
  if (help) {
    say(process.stdout, helpText());
    return;
  }
  if (asksVersion) {
    say(process.stdout, `pdisk ${version}\n`);
    return;
  }
  const readConfig = (): Config => loadConfig({ argv, env: process.env });
  const config = readConfig();
  const unknown = unknownVariables(process.env);
  if (command !== 'serve') {
    const told = (sentence: string): void => say(process.stderr, `pdisk: ${sentence}\n`);
    for (const sentence of unknown) told(sentence);
    process.exitCode = await maintain(command, config, { operand, has, told });
    return;
  }
  if (has('check-config')) {
    for (const sentence of unknown) say(process.stderr, `pdisk: ${sentence}\n`);
    for (const sentence of config.tls ? checkCertificate(config.tls) : [])
      say(process.stderr, `pdisk: ${sentence}\n`);
    for (const { sentence, isWarning } of await tryNodes(new Map(Object.entries(config.nodes)))) {
      if (isWarning) say(process.stderr, `pdisk: ${sentence}\n`);
      else say(process.stdout, `${sentence}\n`);
    }
    say(process.stdout, 'the configuration is valid\n');
    return;
  }
  const log = openLog(config.logLevel);
  for (const sentence of unknown) log.warn(sentence);
  await serve(config, log, end, readConfig);
  process.exit();
}

/**
 * Runs what the command line and the environment ask for: `--help`, `--version`, `--check-config`, a command,
 * or the service, until `end` is aborted. Errors go to stderr, a sentence a line, and the process exits with 1.
 */
export async function runCommandLine(end: AbortSignal): Promise<void> {
  try {
    await run(end);
  } catch (error) {
    const sentences = error instanceof ConfigError ? error.sentences : [sentenceOf(error)];
    for (const sentence of sentences) say(process.stderr, `pdisk: ${sentence}\n`);
    // The status 1 of `check` says that the service starts nevertheless.
    process.exit(process.argv.slice(2).includes('check') ? 2 : 1);
  }
}

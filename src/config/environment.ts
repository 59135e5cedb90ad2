import { parse } from 'yaml';
import { allSettings } from './settings.ts';

/** Environment variables, as in `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The settings in the environment; a sentence is added to `mistakes` for each value that is not valid YAML.
 */
export function fromEnvironment(env: Environment, mistakes: string[]): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const { name, env: variable, isText, allowed } of allSettings) {
    const text = env[variable];
    if (text === undefined || text === '') continue;
    try {
      values[name] = isText ? text : parse(text);
    } catch {
      mistakes.push(`${name} (from ${variable}) is ${JSON.stringify(text)}; ${name} must be ${allowed}.`);
    }
  }
  return values;
}

/**
 * A sentence for each environment variable that begins with `PDISK_` and is no setting: most likely a
 * misspelling.
 */
export function unknownVariables(env: Environment): readonly string[] {
  const known = new Set(['PDISK_CONFIG', 'PDISK_ADMIN_PASSWORD', ...allSettings.map(setting => setting.env)]);
  const unknown = Object.keys(env).filter(name => name.startsWith('PDISK_') && !known.has(name));
  return unknown.map(name => `There is no setting for the environment variable ${name}; see --help.`);
}

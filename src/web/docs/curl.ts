import type { Operation } from './document.ts';

interface Wishes {
  readonly query?: string;
  readonly flags?: readonly string[];
}

/** A word of a shell command, quoted if necessary. */
const word = (text: string): string =>
  /^[\w./:@=+-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;

/** An operation as a curl command; the parameters of its path are shell variables. */
export function curlOf(operation: Operation, { query = '', flags = [] }: Wishes = {}): string {
  const { method, path, requestBody, security } = operation;
  const fields = requestBody?.content['application/x-www-form-urlencoded']?.example ?? {};
  const inputs = Object.entries(fields).map(([name, value]) => `-d ${name}=${word(String(value))}`);
  const implied = inputs.length > 0 ? 'POST' : 'GET';
  const isOpen = security.some(one => Object.keys(one).length === 0);
  return [
    'curl',
    ...flags,
    ...(isOpen ? [] : ['-u "$account"']),
    ...(method === implied ? [] : [`-X ${method}`]),
    ...inputs,
    `"$pdisk${path.replaceAll(/\{(\w+)\}/g, '$$$1')}${query}"`,
  ].join(' ');
}

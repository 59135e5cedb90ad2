import { errorOf, PdiskError } from '../../errors.ts';

/** Inputs as received, as text. JSON values that are neither a text nor an exact number stay as they are. */
export type Fields = Readonly<Record<string, unknown>>;

/** The media types of bodies. */
export type MediaType = 'form' | 'json';

/** The fields of a request without inputs. */
export const noFields: Fields = Object.freeze({});

const malformed = (detail: string): PdiskError => errorOf('BAD_REQUEST', { detail });
const givenTwice = (name: string): PdiskError => new PdiskError('BAD_INPUT', [`${name} is given twice`]);

/** The media type in a Content-Type header; undefined if it is not supported, or its charset is not UTF-8. */
export function mediaType(header: string | undefined): MediaType | undefined {
  const [type = '', ...parameters] = (header ?? '').toLowerCase().split(';');
  for (const parameter of parameters) {
    const charset = /^\s*charset=("?)(?<name>[^"]*)\1\s*$/.exec(parameter)?.groups?.name;
    if (charset !== undefined && !['utf-8', 'utf8', 'us-ascii'].includes(charset.trim())) return undefined;
  }
  if (type.trim() === 'application/x-www-form-urlencoded') return 'form';
  return type.trim() === 'application/json' ? 'json' : undefined;
}

function decodeComponent(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    throw malformed('its percent-encoding is not valid UTF-8');
  }
}

/**
 * Parses a query string or a form (WHATWG URL, application/x-www-form-urlencoded), but refuses invalid UTF-8
 * (BAD_REQUEST) and repeated names (BAD_INPUT).
 */
export function parseForm(text: string): Fields {
  if (text === '') return noFields;
  const fields = new Map<string, string>();
  for (const pair of text.split('&')) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const name = decodeComponent(equals < 0 ? pair : pair.slice(0, equals));
    if (fields.has(name)) throw givenTwice(name);
    fields.set(name, decodeComponent(equals < 0 ? '' : pair.slice(equals + 1)));
  }
  return Object.fromEntries(fields);
}

/** A member of an object without inner objects: its key, and its value if that is not a text. */
const MEMBER = /("(?:[^"\\]|\\.)*")\s*:\s*(?:"(?:[^"\\]|\\.)*"|([^\s,}]+))/g;

/**
 * Throws BAD_INPUT if the text of a flat JSON object has a key twice: JSON.parse keeps the last silently.
 * Returns the keys of numbers that JSON.parse has rounded.
 */
function inspectMembers(text: string): ReadonlySet<string> {
  const seen = new Set<string>();
  const rounded = new Set<string>();
  for (const [, token = '', value] of text.matchAll(MEMBER)) {
    const key = String(JSON.parse(token));
    if (seen.has(key)) throw givenTwice(key);
    seen.add(key);
    if (value !== undefined && isRounded(value)) rounded.add(key);
  }
  return rounded;
}

/** Whether a double cannot hold this number: it holds any 15 decimal digits, and every safe integer. */
function isRounded(number: string): boolean {
  const digits = number
    .replace(/e.*/i, '')
    .replaceAll(/\D/g, '')
    .replace(/^0+|0+$/g, '');
  if (digits.length > 15) return !(/^-?\d+$/.test(number) && Number.isSafeInteger(Number(number)));
  return digits !== '' && Number(number) === 0;
}

const isExact = (value: number): boolean =>
  Number.isSafeInteger(value) || (Number.isFinite(value) && !Number.isInteger(value));

function parseJson(text: string): Fields {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw malformed('its body is not valid JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw malformed('its body is not a JSON object');
  }
  const isFlat = Object.values(value).every(field => typeof field !== 'object');
  const rounded = isFlat ? inspectMembers(text) : undefined;
  const entries = Object.entries(value).map(([name, field]: [string, unknown]) => {
    // JSON can escape a single surrogate, which UTF-8 cannot encode.
    if (typeof field === 'string' && /\p{Surrogate}/u.test(field))
      throw malformed(`${name} is not valid Unicode`);
    return [name, typeof field === 'number' && isExact(field) && !rounded?.has(name) ? String(field) : field];
  });
  return Object.fromEntries(entries);
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Parses a body. Throws BAD_REQUEST for a malformed one, BAD_INPUT for a field given twice. */
export function parseBody(bytes: Buffer, type: MediaType): Fields {
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    throw malformed('its body is not valid UTF-8');
  }
  return type === 'form' ? parseForm(text) : parseJson(text);
}

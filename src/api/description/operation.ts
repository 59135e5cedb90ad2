import type { z } from 'zod';
import type { ErrorCode } from '../../errors.ts';
import type { RequestHeader, ResponseHeader } from './header-fields.ts';

/** The methods of requests that change something. */
export type ChangingMethod = 'POST' | 'PUT' | 'PATCH' | 'DELETE';
/** The methods of operations; HEAD follows from GET. */
export type Method = 'GET' | ChangingMethod;

/** The groups of operations, in the order of the document. */
export const groups = {
  disks: 'Disks: create, find, change and delete them',
  attachments: 'Plugging disks into virtual machines and out of them',
  events: 'Every change as it happens',
  accounts: 'Accounts, their passwords, roles and quotas',
  tokens: 'API tokens, to use instead of a password',
  nodes: 'The hypervisors',
  drift: 'What differs between records, pool and domains, and volumes that belong to no disk',
  charts: 'The state charts, and where disks and attachments are in them',
  service: 'The service itself',
} as const;

/** The kinds of credentials; `nobody`: none are needed. */
export type Credential = 'basic' | 'bearer' | 'ticket' | 'nobody';

/** An answer that is no error. */
export interface OperationResult {
  /** What the answer means, as a sentence. */
  readonly means: string;
  /** The schema of its body by media type; undefined if it has no body. */
  readonly content?: Readonly<Record<string, z.ZodType>>;
  /** In addition to the headers of every answer. */
  readonly headers?: readonly ResponseHeader[];
  /** Bodies of the first media type, exactly as the service would answer them. */
  readonly examples?: Readonly<Record<string, unknown>>;
}

/**
 * One method of one URL: what the OpenAPI document says about it, and what the service itself is driven by.
 * HEAD works wherever GET does.
 */
export interface Operation<Inputs = unknown, Asked extends Method = Method> {
  /** In camel case; generated clients use it as the name of a function. */
  readonly id: string;
  readonly method: Asked;
  /** A segment that begins with a colon is a parameter. */
  readonly path: string;
  readonly group: keyof typeof groups;
  readonly summary: string;
  /** Who may do it, and other facts; Markdown. */
  readonly details?: string;
  /** The schema of its inputs. POST, PUT and PATCH have them in the body, other methods in the query. */
  readonly inputs: z.ZodType<Inputs>;
  /** The error code for inputs that violate the schema; BAD_INPUT by default. */
  readonly invalid?: ErrorCode;
  /** In addition to the headers that every request may have. */
  readonly headers?: readonly RequestHeader[];
  /** `basic` or `bearer` by default. */
  readonly credentials?: readonly Credential[];
  readonly outcomes: Readonly<Record<number, OperationResult>>;
  /** Set on a GET that changes something. */
  readonly changing?: true;
  /** Set if it must work with a full store: a deletion needs it, or it writes nothing. */
  readonly freeing?: true;
  /** In addition to the codes that `errorsOf` adds. */
  readonly errors?: readonly ErrorCode[];
}

/** Infers the type of the inputs from their schema, and keeps the method as a literal type. */
export const operation = <Inputs, Asked extends Method>(
  described: Operation<Inputs, Asked>,
): Operation<Inputs, Asked> => described;

/** An answer with a JSON body, with named examples. */
export const json = (
  means: string,
  schema: z.ZodType,
  examples: Readonly<Record<string, unknown>>,
  headers: readonly ResponseHeader[] = [],
): OperationResult => ({ means, content: { 'application/json': schema }, examples, headers });

/** Whether inputs are in the body. */
export const takesBody = ({ method }: { readonly method: Method }): boolean =>
  method === 'POST' || method === 'PUT' || method === 'PATCH';

/** Whether it changes something. */
export const changes = ({ method, changing }: Operation): boolean => method !== 'GET' || changing === true;

/** Whether an operation is accepted when the store accepts only requests that free room. */
export const fitsFullStore = ({ method, freeing }: Operation): boolean =>
  method === 'GET' || method === 'DELETE' || freeing === true;

/** The credentials that an operation takes. */
export const credentialsOf = ({ credentials = ['basic', 'bearer'] }: Operation): readonly Credential[] =>
  credentials;

const ofAnything: readonly ErrorCode[] = ['HOST_UNKNOWN', 'BAD_REQUEST', 'BUSY', 'STOPPING', 'INTERNAL'];
const ofCredentials: readonly ErrorCode[] = ['UNAUTHENTICATED', 'TOO_MANY_LOGINS', 'BAD_INPUT'];
const ofChanges: readonly ErrorCode[] = [
  'KEY_REUSED',
  'KEY_SECRET',
  'KEY_PENDING',
  'STORE_FAILED',
  'STORE_FULL',
  'INTERRUPTED',
];
const ofBodies: readonly ErrorCode[] = ['MEDIA_TYPE', 'BODY_TOO_LARGE'];

/** All error codes of an operation. ROUTE_UNKNOWN and METHOD_NOT_ALLOWED belong to no operation. */
export function errorsOf(operation: Operation): ReadonlySet<ErrorCode> {
  const { method, path, invalid, errors = [] } = operation;
  const isOpen = credentialsOf(operation).every(credential => credential === 'nobody');
  return new Set([
    ...ofAnything,
    ...(isOpen ? [] : ofCredentials),
    ...(method === 'GET' ? [] : ofChanges),
    ...(changes(operation) ? (['CROSS_SITE'] as const) : []),
    ...(takesBody(operation) ? ofBodies : []),
    ...(invalid ? [invalid] : []),
    ...(path.includes('/:uuid') ? (['DISK_UNKNOWN'] as const) : []),
    ...errors,
  ]);
}

import type { z } from 'zod';
import type { ErrorCode } from '../../errors.ts';
import type { RequestHeader, ResponseHeader } from './header-fields.ts';

export type ChangingMethod = 'POST' | 'PUT' | 'PATCH' | 'DELETE';
export type Method = 'GET' | ChangingMethod;

/** What operations are about, in the order of the document. */
export const groups = {
  disks: 'Disks: make, find, change and delete them',
  attachments: 'Plugging disks into virtual machines and out of them',
  events: 'Every change as it happens',
  accounts: 'Accounts, their passwords, roles and quotas',
  tokens: 'API tokens, which stand in for a password',
  nodes: 'The hypervisors',
  drift: 'What differs between records, pool and domains, and volumes that belong to no disk',
  charts: 'The state charts, and where disks and attachments are in them',
  service: 'The service itself',
} as const;

/** How a request says who sends it; `nobody`: it need not. */
export type Credential = 'basic' | 'bearer' | 'ticket' | 'nobody';

/** An answer that is no error. */
export interface OperationResult {
  /** What it says, as a sentence. */
  readonly means: string;
  /** Its body by media type; none where it has no body. */
  readonly content?: Readonly<Record<string, z.ZodType>>;
  /** Besides those that every answer has. */
  readonly headers?: readonly ResponseHeader[];
  /** Bodies of the first media type, word for word as the service would answer them. */
  readonly examples?: Readonly<Record<string, unknown>>;
}

/**
 * What can be asked at one method of one URL and what comes of it: what clients are told of it in the OpenAPI document, and what the
 * service itself holds to. HEAD goes wherever GET does.
 */
export interface Operation<Inputs = unknown, Asked extends Method = Method> {
  /** In camel case; generated clients name their functions so. */
  readonly id: string;
  readonly method: Asked;
  /** Segments that begin with a colon stand for anything. */
  readonly path: string;
  readonly group: keyof typeof groups;
  readonly summary: string;
  /** Who may do it, and what there is to know besides; Markdown. */
  readonly details?: string;
  /** What its inputs are checked by. POST, PUT and PATCH have them in the body, the others in the query. */
  readonly inputs: z.ZodType<Inputs>;
  /** The code of inputs that are not what the schema says; BAD_INPUT by default. */
  readonly invalid?: ErrorCode;
  /** Besides those that every request may have. */
  readonly headers?: readonly RequestHeader[];
  /** `basic` or `bearer` by default. */
  readonly credentials?: readonly Credential[];
  readonly outcomes: Readonly<Record<number, OperationResult>>;
  /** Set on a GET that changes something all the same. */
  readonly changing?: true;
  /** Set on what must end before something can be deleted, and on what writes nothing: a full store does not refuse it. */
  readonly freeing?: true;
  /** Besides those of `errorsOf`. */
  readonly errors?: readonly ErrorCode[];
}

/** Infers the type of an operation's inputs from their schema, and keeps its method. */
export const operation = <Inputs, Asked extends Method>(
  described: Operation<Inputs, Asked>,
): Operation<Inputs, Asked> => described;

/** An answer with a JSON body, with one example or several with names. */
export const json = (
  means: string,
  schema: z.ZodType,
  examples: Readonly<Record<string, unknown>>,
  headers: readonly ResponseHeader[] = [],
): OperationResult => ({ means, content: { 'application/json': schema }, examples, headers });

export const takesBody = ({ method }: { readonly method: Method }): boolean =>
  method === 'POST' || method === 'PUT' || method === 'PATCH';

export const changes = ({ method, changing }: Operation): boolean => method !== 'GET' || changing === true;

/** Whether an operation is taken where the store has room only for what frees some. */
export const fitsFullStore = ({ method, freeing }: Operation): boolean =>
  method === 'GET' || method === 'DELETE' || freeing === true;

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

/** Every code with which an operation can answer; ROUTE_UNKNOWN and METHOD_NOT_ALLOWED are those of no operation. */
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

/** A header field in the OpenAPI document. */
export interface Field {
  readonly means: string;
  readonly schema: { readonly type: 'string' | 'integer'; readonly [keyword: string]: unknown };
  readonly example: string | number;
  /** Set if an answer may lack it. */
  readonly optional?: true;
}

const fields = <Name extends string>(table: Readonly<Record<Name, Field>>) => table;

/** Header fields of requests, besides those of HTTP itself and of authentication. */
export const requestHeaders = fields({
  'X-Request-Id': {
    means:
      "The client's own name for the request, for the answer, the log and the events; ignored if it is not 1 to 128 characters of `A-Z a-z 0-9 . _ ~ + / : = @ -`",
    schema: { type: 'string' },
    example: 'deploy-42',
  },
  'Idempotency-Key': {
    means:
      'Makes the request repeatable: for 24 hours the same key gets the first answer again, and nothing is done twice. 1 to 255 visible ASCII characters, also as a quoted string',
    schema: { type: 'string' },
    example: 'create-of-my-data-1',
  },
  Accept: {
    means: '`text/event-stream` for Server-Sent Events; not needed with a WebSocket',
    schema: { type: 'string' },
    example: 'text/event-stream',
  },
  'Last-Event-ID': {
    means: 'The sequence of the last event that was received: the stream resumes after it',
    schema: { type: 'string', pattern: '^\\d{0,15}$' },
    example: '7',
  },
  'If-Match': {
    means:
      'ETags of the versions that the request applies to: for any other version it is refused. `*` is any version',
    schema: { type: 'string' },
    example: '"5jO3DWUHYlJ3QbpXgSrgAQ"',
  },
  'If-None-Match': {
    means: 'ETags of the copies that the client has',
    schema: { type: 'string' },
    example: '"cN0fSvHC2pQdGy0Hcm2Bq9t3WzWsdS7mrVVqFDkRKqY"',
  },
});

export type RequestHeader = keyof typeof requestHeaders;

const count = { type: 'integer', minimum: 0 } as const;

/** Header fields of answers, besides those of HTTP itself. */
export const responseHeaders = fields({
  'X-Request-Id': {
    means: "The id of the request: the client's own, if it sent a valid one",
    schema: { type: 'string', pattern: '^[\\w.~+:/=@-]{1,128}$' },
    example: 'V1StGXR8_Z5jdHi6B-myT',
  },
  'X-Content-Type-Options': {
    means: 'Browsers must not guess another media type',
    schema: { type: 'string', const: 'nosniff' },
    example: 'nosniff',
  },
  'X-Error-Code': {
    means: 'The stable code of the error; sentences may change',
    schema: { type: 'string' },
    example: 'DISK_UNKNOWN',
  },
  'X-DiskUser-Limit': {
    means: 'How many VMs may use the disk at once',
    schema: { ...count, minimum: 1 },
    example: 2,
  },
  'X-DiskUser-Remaining': {
    means: 'How many more VMs may use the disk; do not attach a disk that has 0',
    schema: count,
    example: 1,
  },
  'WWW-Authenticate': {
    means: 'How to authenticate',
    schema: { type: 'string', const: 'Basic realm="pdisk"' },
    example: 'Basic realm="pdisk"',
  },
  'Accept-Encoding': {
    means: 'Bodies must not be compressed',
    schema: { type: 'string', const: 'identity' },
    example: 'identity',
    optional: true,
  },
  Upgrade: {
    means: 'The protocol that the connection may switch to',
    schema: { type: 'string', const: 'websocket' },
    example: 'websocket',
  },
  'Sec-WebSocket-Version': {
    means: 'The version of WebSockets that the service supports',
    schema: { type: 'string', const: '13' },
    example: '13',
  },
  'Retry-After': { means: 'Seconds after which to try again', schema: count, example: 5 },
  Allow: {
    means: 'The methods that this URL takes',
    schema: { type: 'string' },
    example: 'DELETE, GET, HEAD',
  },
  Link: {
    means: 'The next page, with `rel="next"`; there is none on the last',
    schema: { type: 'string' },
    example: '</api/disks?limit=2&after=1311865300000.eb198dec-3560-4a9a-b3b4-5f043410a3dd>; rel="next"',
    optional: true,
  },
  'Cache-Control': {
    means: 'Whether the answer may be stored',
    schema: { type: 'string' },
    example: 'no-store',
  },
  ETag: {
    means: 'The version of what is shown',
    schema: { type: 'string', pattern: '^"[\\x21\\x23-\\x7e]*"$' },
    example: '"cN0fSvHC2pQdGy0Hcm2Bq9t3WzWsdS7mrVVqFDkRKqY"',
  },
  'Content-Security-Policy': {
    means: 'On texts: pages load nothing from other origins and run no inline script',
    schema: { type: 'string', const: "default-src 'self'" },
    example: "default-src 'self'",
    optional: true,
  },
  'Referrer-Policy': {
    means: 'Links from the page do not tell its address',
    schema: { type: 'string', const: 'no-referrer' },
    example: 'no-referrer',
  },
});

export type ResponseHeader = keyof typeof responseHeaders;

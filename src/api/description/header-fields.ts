export interface Field {
  readonly means: string;
  readonly schema: { readonly type: 'string' | 'integer'; readonly [keyword: string]: unknown };
  readonly example: string | number;
  /** Whether an answer may do without it. */
  readonly optional?: true;
}

const fields = <Name extends string>(table: Readonly<Record<Name, Field>>) => table;

/** Header fields that requests may have, besides those of HTTP itself and of authentication. */
export const requestHeaders = fields({
  'X-Request-Id': {
    means:
      "The client's own name for the request, for the answer, the log and the events; one that is no such text is passed over",
    schema: { type: 'string' },
    example: 'deploy-42',
  },
  'Idempotency-Key': {
    means:
      'Makes the request repeatable: with the same key the first answer comes again for 24 hours, and nothing is done twice. 1 to 255 visible ASCII characters, also as a quoted string',
    schema: { type: 'string' },
    example: 'create-of-my-data-1',
  },
  Accept: {
    means: '`text/event-stream` for Server-Sent Events; not needed with a WebSocket',
    schema: { type: 'string' },
    example: 'text/event-stream',
  },
  'Last-Event-ID': {
    means: 'The sequence of the last event that was received: the stream goes on after it',
    schema: { type: 'string', pattern: '^\\d{0,15}$' },
    example: '7',
  },
  'If-Match': {
    means:
      'ETags of the versions that the client means: of any other the request is refused. `*` is any version',
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

/** Header fields that answers may have, besides those of HTTP itself. */
export const responseHeaders = fields({
  'X-Request-Id': {
    means: "The request's id: its client's own, where that was fit for a header and a log",
    schema: { type: 'string', pattern: '^[\\w.~+:/=@-]{1,128}$' },
    example: 'V1StGXR8_Z5jdHi6B-myT',
  },
  'X-Content-Type-Options': {
    means: 'That nobody should guess another media type',
    schema: { type: 'string', const: 'nosniff' },
    example: 'nosniff',
  },
  'X-Error-Code': {
    means: 'The stable code of the error; sentences may change',
    schema: { type: 'string' },
    example: 'DISK_UNKNOWN',
  },
  'X-DiskUser-Limit': {
    means: 'How many machines may use the disk at once',
    schema: { ...count, minimum: 1 },
    example: 2,
  },
  'X-DiskUser-Remaining': {
    means: 'How many more machines may use the disk; do not attach a disk that has none',
    schema: count,
    example: 1,
  },
  'WWW-Authenticate': {
    means: 'How to say who asks',
    schema: { type: 'string', const: 'Basic realm="pdisk"' },
    example: 'Basic realm="pdisk"',
  },
  'Accept-Encoding': {
    means: 'How a body may be compressed: not at all',
    schema: { type: 'string', const: 'identity' },
    example: 'identity',
    optional: true,
  },
  Upgrade: {
    means: 'What the connection may become',
    schema: { type: 'string', const: 'websocket' },
    example: 'websocket',
  },
  'Sec-WebSocket-Version': {
    means: 'The version of WebSockets that is spoken here',
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
    means: 'Whether the answer may be kept',
    schema: { type: 'string' },
    example: 'no-store',
  },
  ETag: {
    means: 'A name of this version',
    schema: { type: 'string', pattern: '^"[\\x21\\x23-\\x7e]*"$' },
    example: '"cN0fSvHC2pQdGy0Hcm2Bq9t3WzWsdS7mrVVqFDkRKqY"',
  },
  'Content-Security-Policy': {
    means: 'On texts: that a page loads nothing from elsewhere and runs nothing that stands in it',
    schema: { type: 'string', const: "default-src 'self'" },
    example: "default-src 'self'",
    optional: true,
  },
  'Referrer-Policy': {
    means: 'That links tell nobody where they stood',
    schema: { type: 'string', const: 'no-referrer' },
    example: 'no-referrer',
  },
});

export type ResponseHeader = keyof typeof responseHeaders;

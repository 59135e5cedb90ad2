import { z } from 'zod';
import { isNodeName, normalNodeName } from '../../../config/node-name.ts';
import { isUuid } from '../../../lib/uuid.ts';
import { changeTypes } from '../../../store/records.ts';
import { version } from '../../../version.ts';
import { nothing } from '../inputs.ts';
import { json, operation } from '../operation.ts';
import * as outputs from '../outputs.ts';

const SEQUENCE = /^\d{1,15}$/;

/** A list of one or more items, separated by commas. */
const list = (
  description: string,
  what: string,
  isOne: (text: string) => boolean,
  normal = (text: string) => text,
) =>
  z
    .string()
    .transform(text => text.split(',').map(normal))
    .refine(all => all.every(isOne), what)
    .transform((all): ReadonlySet<string> => new Set(all))
    .meta({ description })
    .optional();

const wish = z.strictObject({
  since: z
    .string()
    .regex(SEQUENCE, 'since must be the sequence of an event, or 0')
    .transform(Number)
    .meta({ description: 'Resume after this sequence; 0: from the beginning of the log; none: from now' })
    .optional(),
  snapshot: z
    .literal('1', 'snapshot must be 1')
    .meta({ description: 'First send the disks as they are' })
    .optional(),
  view: z
    .literal('full', "view must be 'full', or left out")
    .meta({
      description: 'A snapshot shows the disks in the view `full`, as `GET /api/disks?view=full` does',
      examples: ['full'],
    })
    .optional(),
  disk: list(
    'Only events of this disk, or of several with commas',
    'disk must be a uuid, or several with commas',
    isUuid,
    text => text.toLowerCase(),
  ),
  type: list(
    `Only events of this type, or of several with commas: ${Object.keys(changeTypes).join(', ')}`,
    'type must be a type of event, or several with commas',
    text => text in changeTypes,
  ),
  node: list(
    'Only events of attachments on this hypervisor, or on several with commas',
    'node must be a host name, or several with commas',
    isNodeName,
    normalNodeName,
  ),
  ticket: z
    .string()
    .meta({ description: 'From `createTicket`, in place of the header Authorization; valid once' })
    .optional(),
});

export const streamEvents = operation({
  id: 'streamEvents',
  method: 'GET',
  path: '/api/events',
  group: 'events',
  summary: 'Every change as it happens',
  details:
    'As a WebSocket, or as Server-Sent Events. `GET /api/asyncapi.json` describes the messages. An account gets the events that it may see.',
  inputs: wish,
  headers: ['Accept', 'Last-Event-ID'],
  credentials: ['basic', 'bearer', 'ticket'],
  outcomes: {
    101: { means: 'A WebSocket: each message is one text frame' },
    200: {
      means: 'Server-Sent Events, without an end',
      content: { 'text/event-stream': outputs.text },
      examples: { bookmark: 'event: control\ndata: {"control":"bookmark","sequence":7}\n\n' },
    },
  },
  errors: ['TOO_MANY_STREAMS', 'CROSS_SITE', 'WEBSOCKET_VERSION'],
});

export const createTicket = operation({
  id: 'createTicket',
  method: 'POST',
  path: '/api/events/ticket',
  freeing: true,
  group: 'events',
  summary: 'A ticket for the event stream',
  details:
    'For browsers, which cannot send headers with a WebSocket: it is valid once, for 30 seconds, as `?ticket=`.',
  inputs: nothing,
  outcomes: {
    201: json('The ticket', outputs.ticket, {
      ticket: { ticket: 'Uakgb_J5m9g-0JDMbcJqLJ', expires: '2011-07-28T15:02:10.000Z' },
    }),
  },
});

export const describeEvents = operation({
  id: 'describeEvents',
  method: 'GET',
  path: '/api/asyncapi.json',
  group: 'events',
  summary: 'The description of the event stream',
  credentials: ['nobody'],
  inputs: nothing,
  outcomes: {
    200: json('AsyncAPI 3.0', outputs.anyObject, {
      asyncapi: { asyncapi: '3.0.0', info: { title: 'pdisk events', version } },
    }),
  },
});

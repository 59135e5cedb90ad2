import { z } from 'zod';
import { changeTypes } from '../../store/records.ts';
import { version } from '../../version.ts';
import {
  bookmarkSchema,
  driftSchema,
  eventSchema,
  poolSchema,
  resyncSchema,
  snapshotSchema,
} from './event-schema.ts';

const messages = {
  event: { schema: eventSchema, title: 'A change of a disk or an attachment' },
  bookmark: { schema: bookmarkSchema, title: 'A place to resume from' },
  snapshot: { schema: snapshotSchema, title: 'The disks as they are' },
  resync: { schema: resyncSchema, title: 'The sequence asked for is no longer in the log' },
  pool: { schema: poolSchema, title: 'The pool runs full, or no longer does' },
  drift: { schema: driftSchema, title: 'Records, pool and domains differ, or no longer do' },
};

const { $schema: _, ...query } = z.toJSONSchema(
  z.object({
    since: z
      .int()
      .min(0)
      .describe('Resume after this sequence; 0: from the beginning of the log; none: from now')
      .optional(),
    snapshot: z.literal('1').describe('First send the disks as they are').optional(),
    view: z
      .literal('full')
      .describe(
        'A snapshot shows the disks in the view `full`: with state, attachments, and what is waited for',
      )
      .optional(),
    disk: z.string().describe('Only events of this disk, or of several with commas').optional(),
    type: z
      .string()
      .describe(`Only events of this type, or of several with commas: ${Object.keys(changeTypes).join(', ')}`)
      .optional(),
    node: z
      .string()
      .describe('Only events of attachments on this hypervisor, or on several with commas')
      .optional(),
    ticket: z.string().describe('From POST /api/events/ticket, in place of a header').optional(),
  }),
);

function describe() {
  const names = Object.keys(messages) as (keyof typeof messages)[];
  const components = names.map(name => {
    const { $schema: _, ...payload } = z.toJSONSchema(messages[name].schema);
    return [name, { name, title: messages[name].title, contentType: 'application/json', payload }] as const;
  });
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'pdisk events',
      version,
      description:
        'Every durable change of a disk or an attachment, in order and without a gap. Over a WebSocket each message is one text frame; ' +
        'over Server-Sent Events each is the data of one event, control messages under the name "control".',
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
    },
    defaultContentType: 'application/json',
    channels: {
      events: {
        address: '/api/events',
        title: 'The event stream',
        messages: Object.fromEntries(names.map(name => [name, { $ref: `#/components/messages/${name}` }])),
        bindings: { ws: { method: 'GET', query, bindingVersion: '0.1.0' } },
      },
    },
    operations: {
      sendEvents: {
        action: 'send',
        channel: { $ref: '#/channels/events' },
        title: 'What the service sends to each subscriber',
      },
    },
    components: { messages: Object.fromEntries(components) },
  };
}

let text: string | undefined;

/** The AsyncAPI 3.0 document of the stream, as JSON: made from the schemas that type the messages. */
export function asyncApi(): string {
  text ??= JSON.stringify(describe());
  return text;
}

import { z } from 'zod';
import { isNodeName, normalNodeName } from '../config/node-name.ts';
import { errorOf } from '../errors.ts';
import type { Streams } from '../events/streams.ts';
import type { Tickets } from '../events/tickets.ts';
import { changeTypes } from '../store/records.ts';
import { json, jsonText } from './answer.ts';
import { asyncApi } from './asyncapi.ts';
import { parseForm } from './fields.ts';
import type { Head } from './head.ts';
import { nothing } from './inputs.ts';
import { type Route, route } from './route.ts';

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const SEQUENCE = /^\d{1,15}$/;

/** One or more, separated by commas. */
const list = (what: string, isOne: (text: string) => boolean, normal = (text: string) => text) =>
  z
    .string()
    .transform(text => text.split(',').map(normal))
    .refine(all => all.every(isOne), what)
    .transform((all): ReadonlySet<string> => new Set(all))
    .optional();

const wish = z.strictObject({
  since: z
    .string()
    .regex(SEQUENCE, 'since must be the sequence of an event, or 0')
    .transform(Number)
    .optional(),
  snapshot: z.literal('1', 'snapshot must be 1').optional(),
  disk: list(
    'disk must be a uuid, or several with commas',
    text => UUID.test(text),
    text => text.toLowerCase(),
  ),
  type: list('type must be a type of event, or several with commas', text => text in changeTypes),
  node: list('node must be a host name, or several with commas', isNodeName, normalNodeName),
  ticket: z.string().optional(),
});

/** Where an EventSource that has lost its connection wants to go on. Throws BAD_REQUEST. */
function lastEvent({ lastEventId }: Head): number | undefined {
  if (lastEventId === undefined || lastEventId === '') return undefined;
  if (SEQUENCE.test(lastEventId)) return Number(lastEventId);
  throw errorOf('BAD_REQUEST', { detail: 'its Last-Event-ID is not the sequence of an event' });
}

const wantsEventStream = ({ accept }: Head): boolean => accept?.includes('text/event-stream') ?? false;

/** The stream of changes, tickets for it, and what is on it. */
export const eventRoutes = (streams: Streams, tickets: Tickets): readonly Route[] => [
  {
    ...route('GET', '/api/events', wish, ({ caller, head }, { since, snapshot, disk, type, node }) => {
      if (!head.webSocket && !wantsEventStream(head)) {
        throw errorOf('BAD_REQUEST', { detail: 'open a WebSocket here, or accept text/event-stream' });
      }
      streams.admit(caller);
      const resumed = head.webSocket ? undefined : lastEvent(head);
      const wanted = {
        since: resumed ?? since,
        snapshot: snapshot !== undefined && resumed === undefined,
        filter: { disks: disk, types: type, nodes: node },
      };
      return {
        status: 200,
        type: 'text/event-stream',
        headers: { 'Cache-Control': 'no-store' },
        body: '',
        live: { open: sink => streams.open(caller, wanted, sink) },
      };
    }),
    holder(head) {
      const { ticket } = parseForm(head.query);
      return typeof ticket === 'string' ? tickets.redeem(ticket) : undefined;
    },
  },

  route('POST', '/api/events/ticket', nothing, ({ caller }) => {
    const { ticket, expires } = tickets.issue(caller);
    return {
      ...json({ ticket, expires: new Date(expires).toISOString() }, 201),
      headers: { 'Cache-Control': 'no-store' },
    };
  }),

  route('GET', '/api/asyncapi.json', nothing, () => jsonText(asyncApi())),
];

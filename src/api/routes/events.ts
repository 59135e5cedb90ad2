import { errorOf } from '../../errors.ts';
import type { Streams } from '../../events/streams.ts';
import type { Tickets } from '../../events/tickets.ts';
import { createTicket, streamEvents } from '../description/operations/events.ts';
import { json, WEBSOCKET_VERSION } from '../http/answer.ts';
import { parseForm } from '../http/fields.ts';
import type { Head } from '../http/head.ts';
import { atomicChange, type Route, route } from './route.ts';

const SEQUENCE = /^\d{1,15}$/;

/** The sequence after which an EventSource resumes that has lost its connection. Throws BAD_REQUEST. */
function lastEvent({ lastEventId }: Head): number | undefined {
  if (lastEventId === undefined || lastEventId === '') return undefined;
  if (SEQUENCE.test(lastEventId)) return Number(lastEventId);
  throw errorOf('BAD_REQUEST', { detail: 'its Last-Event-ID is not the sequence of an event' });
}

const wantsEventStream = ({ accept }: Head): boolean => accept?.includes('text/event-stream') ?? false;

/** The stream of events, and tickets for it. */
export const eventRoutes = (streams: Streams, tickets: Tickets, idleSeconds: number): readonly Route[] => [
  {
    ...route(streamEvents, ({ caller, head }, { since, snapshot, view, disk, type, node }) => {
      if (!head.webSocket && !wantsEventStream(head)) {
        throw errorOf('BAD_REQUEST', { detail: 'open a WebSocket here, or accept text/event-stream' });
      }
      if (head.webSocket && head.webSocket.version !== WEBSOCKET_VERSION) throw errorOf('WEBSOCKET_VERSION');
      streams.admit(caller);
      const resumed = head.webSocket ? undefined : lastEvent(head);
      const wanted = {
        since: resumed ?? since,
        snapshot: snapshot !== undefined && resumed === undefined,
        view,
        filter: { disks: disk, types: type, nodes: node },
      };
      return {
        status: 200,
        type: 'text/event-stream',
        body: '',
        live: { open: sink => streams.open(caller, wanted, sink), idleSeconds },
      };
    }),
    holder(head) {
      const { ticket } = parseForm(head.query);
      return typeof ticket === 'string' ? tickets.redeem(ticket) : undefined;
    },
  },

  {
    // Tickets exist in memory only: after a restart there is nothing to remember.
    ...atomicChange(createTicket, ({ caller }) => {
      const { ticket, expires } = tickets.issue(caller);
      return json({ ticket, expires: new Date(expires).toISOString() }, 201);
    }),
    secret: true,
  },
];

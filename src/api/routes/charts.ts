import { mermaidOf } from '../../charts/mermaid.ts';
import type { AttachmentPlace, ChartPlace, ChartService } from '../../disks/service.ts';
import { errorOf } from '../../errors.ts';
import { diskHistory } from '../../events/disk-history.ts';
import type { EventLog } from '../../events/log.ts';
import { visibilityOf } from '../../events/visibility.ts';
import { drawDiskChart, listCharts, showChart, showDiskChart } from '../description/operations/charts.ts';
import { type HttpAnswer, json, jsonText } from '../http/answer.ts';
import { jsonOf, type MachineName, machineEntries, machineNames, machines } from '../text/chart-text.ts';
import { eventMessage, instant } from '../text/event-text.ts';
import { diskKeys } from '../text/representation.ts';
import { type Route, route } from './route.ts';
import { diskUuid } from './uuid.ts';

/** How many events a chart shows. */
const PAST = 50;

const mermaid = (text: string): HttpAnswer => ({
  status: 200,
  type: 'text/vnd.mermaid; charset=utf-8',
  body: text,
});

function placeKeys(machine: MachineName, { state, deadline, events, record }: ChartPlace) {
  const comes = events.filter(({ outcome, request }) => outcome === 'taken' && request === null);
  const awaited = [...new Set(comes.map(({ event }) => event))].filter(event => event !== 'RESUME');
  return {
    machine,
    state,
    awaits: deadline === null ? null : { events: awaited, until: instant(deadline) },
    events: events.map(({ vm: _, ...event }) => event),
    record,
    mermaid: mermaidOf(machines[machine], state),
  };
}

const attachmentKeys = (place: AttachmentPlace) => ({
  id: place.id,
  mode: place.mode,
  since: instant(place.since),
  node: place.machine?.node ?? null,
  vm_id: place.machine?.vmId ?? null,
  target: place.machine?.target ?? null,
  ...placeKeys('attachment', place),
});

/** The charts, and where disks and attachments are in them. */
export const chartRoutes = (charts: ChartService, log: EventLog): readonly Route[] => [
  route(listCharts, ({ caller }) => json(machineEntries(charts.counts(caller)))),

  route(showChart, ({ params }) => {
    const [, base, ending] = /^(.*?)(\.mmd)?$/.exec(params[0] ?? '') ?? [];
    const name = machineNames.find(one => one === base);
    if (name === undefined) throw errorOf('ROUTE_UNKNOWN');
    return ending ? mermaid(mermaidOf(machines[name])) : jsonText(jsonOf(machines[name]));
  }),

  route(showDiskChart, async ({ caller, params }) => {
    const uuid = diskUuid(params[0]);
    const past = await diskHistory(log, uuid, PAST);
    const place = await charts.place(caller, uuid);
    return json({
      disk: diskKeys(place.disk),
      limit: String(place.disk.limit),
      ...placeKeys('disk', place),
      attachments: place.attachments.map(attachmentKeys),
      history: {
        since: past.since,
        events: past.events.flatMap(event => {
          const sight = visibilityOf(caller, event);
          return sight === 'nothing' ? [] : eventMessage(event, sight === 'whole');
        }),
      },
    });
  }),

  route(drawDiskChart, async ({ caller, params }, { attachment }) => {
    const place = await charts.place(caller, diskUuid(params[0]));
    if (attachment === undefined) return mermaid(mermaidOf(machines.disk, place.state));
    const found = place.attachments.find(({ id }) => id === attachment);
    if (!found) throw errorOf('ROUTE_UNKNOWN');
    return mermaid(mermaidOf(machines.attachment, found.state));
  }),
];

import { mermaidOf } from '../../charts/mermaid.ts';
import type { AttachmentPlace, ChartPlace, ChartService } from '../../disks/service.ts';
import { errorOf } from '../../errors.ts';
import { diskHistory } from '../../events/disk-history.ts';
import type { EventLog } from '../../events/log.ts';
import { visibilityOf } from '../../events/visibility.ts';
import {
  drawDiskChart,
  listCharts,
  listChartsAlias,
  showChart,
  showChartAlias,
  showDiskChart,
} from '../description/operations/charts.ts';
import { type HttpAnswer, json, jsonText } from '../http/answer.ts';
import { type ChartName, chartEntries, chartJson, chartNames, chartsByName } from '../text/chart-text.ts';
import { eventMessage, instant } from '../text/event-text.ts';
import { diskKeys } from '../text/representation.ts';
import { type Route, route } from './route.ts';
import { diskUuid } from './uuid.ts';

/** How many events the history of a disk shows. */
const HISTORY_EVENTS = 50;

const mermaid = (text: string): HttpAnswer => ({
  status: 200,
  type: 'text/vnd.mermaid; charset=utf-8',
  body: text,
});

function placeKeys(chart: ChartName, { state, deadline, events, record }: ChartPlace) {
  const comes = events.filter(({ outcome, request }) => outcome === 'taken' && request === null);
  const awaited = [...new Set(comes.map(({ event }) => event))].filter(event => event !== 'RESUME');
  return {
    machine: chart,
    state,
    awaits: deadline === null ? null : { events: awaited, until: instant(deadline) },
    events: events.map(({ vm: _, ...event }) => event),
    record,
    mermaid: mermaidOf(chartsByName[chart], state),
  };
}

/** A chart by its name in a URL: as JSON, or in Mermaid if `.mmd` follows. Throws ROUTE_UNKNOWN. */
function chartAnswer(file = ''): HttpAnswer {
  const [, base, ending] = /^(.*?)(\.mmd)?$/.exec(file) ?? [];
  const name = chartNames.find(one => one === base);
  if (name === undefined) throw errorOf('ROUTE_UNKNOWN');
  return ending ? mermaid(mermaidOf(chartsByName[name])) : jsonText(chartJson(chartsByName[name]));
}

const attachmentKeys = (place: AttachmentPlace) => ({
  id: place.id,
  mode: place.mode,
  since: instant(place.since),
  node: place.onVm?.node ?? null,
  vm_id: place.onVm?.vmId ?? null,
  target: place.onVm?.target ?? null,
  ...placeKeys('attachment', place),
});

/** The charts, and the states of disks and attachments in them. */
export const chartRoutes = (charts: ChartService, log: EventLog): readonly Route[] => [
  ...[listCharts, listChartsAlias].map(operation =>
    route(operation, ({ caller }) => json(chartEntries(charts.counts(caller)))),
  ),

  ...[showChart, showChartAlias].map(operation => route(operation, ({ params }) => chartAnswer(params[0]))),

  route(showDiskChart, async ({ caller, params }) => {
    const uuid = diskUuid(params[0]);
    const past = await diskHistory(log, uuid, HISTORY_EVENTS);
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
    if (attachment === undefined) return mermaid(mermaidOf(chartsByName.disk, place.state));
    const found = place.attachments.find(({ id }) => id === attachment);
    if (!found) throw errorOf('ROUTE_UNKNOWN');
    return mermaid(mermaidOf(chartsByName.attachment, found.state));
  }),
];

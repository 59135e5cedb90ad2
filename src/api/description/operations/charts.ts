import { z } from 'zod';
import { initialDisk } from '../../../../machines/disk-parts.ts';
import { explainEvents } from '../../../charts/explain-event.ts';
import { mermaidOf } from '../../../charts/mermaid.ts';
import { errorOf } from '../../../errors.ts';
import { chartEntries, chartJson, chartsByName } from '../../text/chart-text.ts';
import { nothing } from '../inputs.ts';
import { json, type Operation, operation } from '../operation.ts';
import * as outputs from '../outputs.ts';
import { DISK, usedDisk } from './examples.ts';

const MERMAID = 'text/vnd.mermaid';
const mermaid = mermaidOf(chartsByName.disk, 'attached');

/** What the chart would do with a request to delete the disk of the examples. */
const findings = explainEvents(
  chartsByName.disk,
  { state: 'attached', context: { ...initialDisk, uuid: DISK } },
  [
    {
      given: '',
      vm: null,
      request: `DELETE /api/disks/${DISK}`,
      event: { type: 'DELETE' },
    },
  ],
).map(({ vm: _, ...finding }) => ({
  ...finding,
  message: errorOf('DISK_IN_USE', { disk: DISK }).messages[0],
}));

export const listCharts = operation({
  id: 'listCharts',
  method: 'GET',
  path: '/api/charts',
  group: 'charts',
  summary: 'The charts, with how many disks and attachments are in each state',
  details: 'Counted are the disks that the account sees, and their attachments.',
  inputs: nothing,
  outcomes: {
    200: json('The charts', outputs.charts, {
      charts: chartEntries({ disk: new Map([['available', 3]]), attachment: new Map() }),
    }),
  },
});

export const showChart = operation({
  id: 'showChart',
  method: 'GET',
  path: '/api/charts/:name',
  group: 'charts',
  summary: 'A chart',
  details: '`disk` or `attachment` as JSON for XState and its tools; followed by `.mmd`, in Mermaid.',
  inputs: nothing,
  outcomes: {
    200: {
      means: 'The chart',
      content: { 'application/json': outputs.anyObject, [MERMAID]: outputs.text },
      examples: { disk: JSON.parse(chartJson(chartsByName.disk)) },
    },
  },
  errors: ['ROUTE_UNKNOWN'],
});

/** The same operation under an older path, which clients may still use. */
const aliasOf = <Described extends Operation<unknown, 'GET'>>(
  described: Described,
  path: string,
): Described => ({
  ...described,
  id: `${described.id}Alias`,
  path,
  summary: `Alias of \`GET ${described.path}\``,
});

export const listChartsAlias = aliasOf(listCharts, '/api/machines');
export const showChartAlias = aliasOf(showChart, '/api/machines/:machine');

export const showDiskChart = operation({
  id: 'showDiskChart',
  method: 'GET',
  path: '/api/disks/:uuid/chart',
  group: 'charts',
  summary: 'Where a disk and its attachments are in their charts',
  details:
    'For accounts that may see the disk: what could come next, what would be refused now and why, and the newest events.',
  inputs: nothing,
  outcomes: {
    200: json('The disk in its chart', outputs.diskChart, {
      chart: {
        disk: usedDisk,
        limit: '1',
        machine: 'disk',
        state: 'attached',
        awaits: null,
        events: findings,
        record: null,
        mermaid,
        attachments: [],
        history: { since: 1, events: [] },
      },
    }),
  },
});

export const drawDiskChart = operation({
  id: 'drawDiskChart',
  method: 'GET',
  path: '/api/disks/:uuid/chart.mmd',
  group: 'charts',
  summary: 'The chart of a disk, or of one of its attachments, with its present state',
  inputs: z.strictObject({
    attachment: z.string().describe("An attachment's id, as in the answer of `showDiskChart`").optional(),
  }),
  outcomes: {
    200: {
      means: 'The chart in Mermaid',
      content: { [MERMAID]: outputs.text },
      examples: { chart: mermaid },
    },
  },
  errors: ['ROUTE_UNKNOWN'],
});

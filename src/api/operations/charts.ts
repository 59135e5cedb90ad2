import { z } from 'zod';
import { nothing } from '../inputs.ts';
import { json, operation } from '../operation.ts';
import * as outputs from '../outputs.ts';
import { DISK, usedDisk } from './examples.ts';

const MERMAID = 'text/vnd.mermaid';
const mermaid = 'stateDiagram-v2\n  [*] --> creating\n  creating --> available : VOLUME_READY\n';

const finding = {
  event: 'DELETE',
  given: '',
  request: 'DELETE /api/disks/:uuid',
  outcome: 'refused',
  to: null,
  guard: null,
  code: 'DISK_IN_USE',
  message: `disk ${DISK} is in use; detach it from every VM first`,
};

export const listCharts = operation({
  id: 'listCharts',
  method: 'GET',
  path: '/api/machines',
  group: 'charts',
  summary: 'The charts, with how many disks and attachments are in each state',
  details: 'Counted are the disks that the account sees, and their attachments.',
  inputs: nothing,
  outcomes: {
    200: json('The charts', outputs.machines, {
      machines: [{ name: 'disk', states: [{ state: 'available', count: 3 }] }],
    }),
  },
});

export const showChart = operation({
  id: 'showChart',
  method: 'GET',
  path: '/api/machines/:machine',
  group: 'charts',
  summary: 'A chart',
  details: '`disk` or `attachment` as JSON for XState and its tools; with `.mmd` after it in Mermaid.',
  inputs: nothing,
  outcomes: {
    200: {
      means: 'The chart',
      content: { 'application/json': outputs.anyObject, [MERMAID]: outputs.text },
      examples: { disk: { id: 'disk', initial: 'creating', states: { creating: {}, available: {} } } },
    },
  },
  errors: ['ROUTE_UNKNOWN'],
});

export const showDiskChart = operation({
  id: 'showDiskChart',
  method: 'GET',
  path: '/api/disks/:uuid/chart',
  group: 'charts',
  summary: 'Where a disk and its attachments are in their charts',
  details:
    'For whoever may see the disk: what could come next, what would be refused now and why, and the newest events.',
  inputs: nothing,
  outcomes: {
    200: json('The disk in its chart', outputs.diskChart, {
      chart: {
        disk: usedDisk,
        limit: '1',
        machine: 'disk',
        state: 'attached',
        awaits: null,
        events: [finding],
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
    attachment: z.string().describe("An attachment's id, as `showDiskChart` tells it").optional(),
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

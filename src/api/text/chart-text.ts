import type { AnyStateMachine } from 'xstate';
import { attachmentMachine } from '../../../machines/attachment.ts';
import { diskMachine } from '../../../machines/disk.ts';

/** The charts by the names that the API uses. */
export const chartsByName = { disk: diskMachine, attachment: attachmentMachine } as const;
export type ChartName = keyof typeof chartsByName;
export const chartNames = Object.keys(chartsByName) as ChartName[];

/** A chart as JSON, as XState's `createMachine` takes it; actions and guards are only named. */
export const chartJson = (chart: AnyStateMachine): string => JSON.stringify(chart.config);

/** The charts, with the number of actors in each state. */
export const chartEntries = (counts: Readonly<Record<ChartName, ReadonlyMap<string, number>>>) =>
  chartNames.map(name => ({
    name,
    states: Object.keys(chartsByName[name].states).map(state => ({
      state,
      count: counts[name].get(state) ?? 0,
    })),
  }));

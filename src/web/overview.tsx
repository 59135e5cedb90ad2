import type { AnyStateMachine } from 'xstate';
import { Chart } from './chart.tsx';
import type { Client } from './client.ts';
import { useAnswer } from './news.ts';
import type { Change, ChartEntry } from './wire.ts';

/** All charts side by side, with how many disks and attachments are in each state. */
export function Overview(props: {
  client: Client;
  charts: ReadonlyMap<string, AnyStateMachine>;
  last: Change | undefined;
}) {
  const { value: entries = [] } = useAnswer<ChartEntry[]>(
    props.client,
    '/api/charts',
    props.last?.sequence,
    500,
  );
  const of = (change: Change): string => (change.data.attachment ? 'attachment' : 'disk');
  return (
    <section aria-labelledby="all">
      <h2 id="all">All charts</h2>
      <div class="side-by-side">
        {entries.map(({ name, states }) => {
          const chart = props.charts.get(name);
          const counts = new Map(states.map(({ state, count }) => [state, count]));
          const taken = props.last && of(props.last) === name ? props.last.data : undefined;
          return (
            <section key={name} aria-labelledby={`chart-${name}`} data-chart={name}>
              <h3 id={`chart-${name}`}>{name}</h3>
              <p class="counts">
                {states
                  .filter(({ count }) => count > 0)
                  .map(({ state, count }) => `${count} ${state}`)
                  .join(', ') || 'none now'}
              </p>
              {chart && <Chart chart={chart} counts={counts} taken={taken} />}
            </section>
          );
        })}
      </div>
    </section>
  );
}

// prom-client builds a string of the labels for every count, which would make a read request about a third
// slower. So requests are counted in maps here, and converted when the metrics are read.
import { Counter, type Histogram, type MetricValueWithName, type Registry } from 'prom-client';

type Label = 'route' | 'method' | 'le';

/** Upper ends of the histogram's buckets, in seconds. */
const BOUNDS = [
  0.0005,
  0.001,
  0.0025,
  0.005,
  0.01,
  0.025,
  0.05,
  0.1,
  0.25,
  0.5,
  1,
  2.5,
  5,
  10,
  30,
  60,
  Number.POSITIVE_INFINITY,
];

/** The requests of one route and method. */
interface Tally {
  readonly route: string;
  readonly method: string;
  readonly byStatus: Map<number, number>;
  /** Counts by bucket, not cumulative. */
  readonly byDuration: number[];
  /** Sum of the durations. */
  seconds: number;
}

/** The values of a histogram in the form of Prometheus: the buckets are cumulative. */
function* valuesOf(name: string, tally: Tally): Generator<MetricValueWithName<Label>, undefined> {
  const { route, method, byDuration, seconds } = tally;
  let count = 0;
  for (const [index, bound] of BOUNDS.entries()) {
    count += byDuration[index] ?? 0;
    const le = bound === Number.POSITIVE_INFINITY ? '+Inf' : bound;
    yield { metricName: `${name}_bucket`, labels: { le, route, method }, value: count };
  }
  yield { metricName: `${name}_sum`, labels: { route, method }, value: seconds };
  yield { metricName: `${name}_count`, labels: { route, method }, value: count };
}

/** Registers a histogram whose values are computed when read. A registry uses only these two members. */
function registerHistogram(
  registry: Registry,
  name: string,
  help: string,
  values: () => readonly MetricValueWithName<Label>[],
): void {
  const get = async () => ({ name, help, type: 'histogram', values: values(), aggregator: 'sum' });
  registry.registerMetric({ name, get } as unknown as Histogram<Label>);
}

/**
 * Registers the metrics of requests. The function that is returned counts one request: `route` is the pattern
 * of its URL, undefined for an unknown URL.
 */
export function createRequestMetrics(
  registry: Registry,
): (route: string | undefined, method: string, status: number, seconds: number) => void {
  const tallies = new Map<string, Map<string, Tally>>();
  const all = (): Tally[] => [...tallies.values()].flatMap(byMethod => [...byMethod.values()]);

  const requests: Counter<'route' | 'method' | 'status'> = new Counter({
    name: 'pdisk_http_requests_total',
    help: 'Requests answered, by route, method and status.',
    labelNames: ['route', 'method', 'status'] as const,
    registers: [registry],
    collect() {
      requests.reset();
      for (const { route, method, byStatus } of all()) {
        for (const [status, count] of byStatus) requests.inc({ route, method, status }, count);
      }
    },
  });
  const durations = 'pdisk_http_request_duration_seconds';
  registerHistogram(
    registry,
    durations,
    'Time from a request to the end of its answer, by route and method.',
    () => all().flatMap(tally => [...valuesOf(durations, tally)]),
  );

  function tallyOf(route: string, method: string): Tally {
    const byMethod = tallies.get(route) ?? new Map<string, Tally>();
    tallies.set(route, byMethod);
    const known = byMethod.get(method);
    if (known) return known;
    const tally = { route, method, byStatus: new Map(), byDuration: BOUNDS.map(() => 0), seconds: 0 };
    byMethod.set(method, tally);
    return tally;
  }

  return (route = 'none', method, status, seconds) => {
    // Without a route the method may be any text of a client: one label for all bounds the number of series.
    const tally = tallyOf(route, route === 'none' ? 'any' : method);
    tally.byStatus.set(status, (tally.byStatus.get(status) ?? 0) + 1);
    const bucket = BOUNDS.findIndex(bound => seconds <= bound);
    tally.byDuration[bucket] = (tally.byDuration[bucket] ?? 0) + 1;
    tally.seconds += seconds;
  };
}

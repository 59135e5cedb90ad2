import type { Place, Way } from './graph.ts';

/** A place that is left without a request: a wait, or a rest with a deadline. */
const goesOn = ({ tags }: Place): boolean => !tags.has('rest') || tags.has('timed');
const waits = ({ tags }: Place): boolean => !tags.has('rest');

/**
 * Two or more waits that follow each other in a circle, by failures, deadlines and restarts; undefined: there
 * are none. Such a circle has no end while the outside stays silent, though none of its states is repeated.
 */
export function roundOf(ways: readonly Way[]): string | undefined {
  const next = new Map<string, Set<string>>();
  for (const { from, to, kind } of ways) {
    if (kind === 'outside' || from.state === to.state || !waits(from) || !waits(to)) continue;
    next.set(from.state, (next.get(from.state) ?? new Set()).add(to.state));
  }
  function from(path: readonly string[]): readonly string[] | undefined {
    for (const state of next.get(path.at(-1) ?? '') ?? []) {
      if (path.includes(state)) return [...path.slice(path.indexOf(state)), state];
      const circle = from([...path, state]);
      if (circle) return circle;
    }
    return undefined;
  }
  for (const state of next.keys()) {
    const circle = from([state]);
    if (circle) return `it goes round for ever: ${circle.map(one => `'${one}'`).join(' to ')}`;
  }
  return undefined;
}

/**
 * The states that are not left for good although everything that is asked for is done. Places from which
 * every way leads to rest are crossed out, one after the other; what is left never ends.
 */
export function waysForGood(ways: readonly Way[]): readonly string[] {
  const out = new Map<Place, Way[]>();
  for (const way of ways) {
    if (!goesOn(way.from)) continue;
    const asks = waits(way.from) && way.from.asked !== null;
    const known = out.get(way.from) ?? [];
    out.set(way.from, known);
    if (way.kind === (asks ? 'done' : 'deadline')) known.push(way);
  }
  const ended = new Set<Place>();
  const doesEnd = ({ to }: Way): boolean => !goesOn(to) || ended.has(to);
  for (let before = -1; before < ended.size; ) {
    before = ended.size;
    for (const [place, leading] of out) if (leading.length > 0 && leading.every(doesEnd)) ended.add(place);
  }
  const endless = [...out].filter(([place]) => !ended.has(place));
  return endless.map(([{ state, asked }, leading]) => {
    const way = leading.find(one => !doesEnd(one));
    const wait = `'${state}', which ${asked === null ? 'asks for nothing' : `waits for ${asked}`},`;
    return way
      ? `${wait} never comes to rest: ${way.event} leads to '${way.to.state}', and so on`
      : `${wait} has no way to rest`;
  });
}

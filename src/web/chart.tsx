import { useMemo } from 'preact/hooks';
import type { AnyStateMachine } from 'xstate';
import { type Arrow, type Box, drawingOf, labelOf, lineHeight, type Point } from './layout.ts';

interface Props {
  readonly chart: AnyStateMachine;
  /** The state to highlight. */
  readonly present?: string | undefined;
  /** The last transition, to highlight. */
  readonly taken?: { readonly from: string | null; readonly to: string } | undefined;
  /** The number of actors in each state. */
  readonly counts?: ReadonlyMap<string, number> | undefined;
}

/** A loop from the right of its box to its label. */
const loopOf = ({ x, y, width }: Box, label: Arrow['label']): string => {
  const right = x + width / 2;
  // A cubic Bézier curve reaches three quarters of the way to its control points.
  const reach = right + Math.max(34, ((label.x - label.width / 2 - right) * 4) / 3);
  return `M${right} ${y - 8}C${reach} ${y - 24} ${reach} ${y + 24} ${right} ${y + 8}`;
};

/** A curve through all points; the last piece is straight, for the arrow's head. */
function pathOf(points: readonly Point[]): string {
  const [first, ...others] = points;
  const last = others.pop();
  if (!first || !last) return '';
  const middle = others.map((point, index) => {
    const next = others[index + 1];
    const end = next ? { x: (point.x + next.x) / 2, y: (point.y + next.y) / 2 } : point;
    return `Q${point.x} ${point.y} ${end.x} ${end.y}`;
  });
  return `M${first.x} ${first.y}${middle.join('')}L${last.x} ${last.y}`;
}

const State = ({ box, isPresent, count }: { box: Box; isPresent: boolean; count: number | undefined }) => (
  <g class={isPresent ? 'state present' : 'state'} data-state={box.state}>
    <rect
      x={box.x - box.width / 2}
      y={box.y - box.height / 2}
      width={box.width}
      height={box.height}
      rx={box.isFinal ? box.height / 2 : 6}
    />
    <text class="name" x={box.x} y={box.y + 5} text-anchor="middle">
      {box.state}
    </text>
    {count ? (
      <g class="count">
        <circle cx={box.x + box.width / 2} cy={box.y - box.height / 2} r={6 + 4 * String(count).length} />
        <text class="number" x={box.x + box.width / 2} y={box.y - box.height / 2 + 4} text-anchor="middle">
          {count}
        </text>
      </g>
    ) : null}
  </g>
);

const Transition = ({ arrow, loop, isTaken }: { arrow: Arrow; loop: Box | undefined; isTaken: boolean }) => (
  <g class={isTaken ? 'arrow taken' : 'arrow'}>
    <path class="line" d={loop ? loopOf(loop, arrow.label) : pathOf(arrow.points)} marker-end="url(#head)" />
    <text class="transitions" x={arrow.label.x} text-anchor="middle">
      {arrow.edges.map((edge, index) => (
        <tspan
          key={labelOf(edge)}
          x={arrow.label.x}
          y={arrow.label.y + (index - (arrow.edges.length - 1) / 2) * lineHeight + 4}
          data-edge={`${edge.from} --> ${edge.to} : ${labelOf(edge)}`}
        >
          {labelOf(edge)}
        </tspan>
      ))}
    </text>
  </g>
);

/** A chart as a drawing. A screen reader gets its name and present state; the page says the rest in words. */
export function Chart({ chart, present, taken, counts }: Props) {
  const { width, height, boxes, arrows } = useMemo(() => drawingOf(chart), [chart]);
  const where = present === undefined ? '' : `; present state: ${present}`;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section class="chart" tabIndex={0} aria-label={`Drawing of the chart ${chart.id}`}>
      <svg
        role="img"
        aria-label={`State chart ${chart.id}${where}`}
        viewBox={`0 0 ${width} ${height}`}
        width={width}
        height={height}
      >
        <defs>
          <marker
            id="head"
            viewBox="0 0 8 8"
            refX="7"
            refY="4"
            markerWidth="8"
            markerHeight="8"
            orient="auto"
            markerUnits="userSpaceOnUse"
          >
            <path class="head" d="M0 0L8 4L0 8z" />
          </marker>
        </defs>
        {arrows.map(arrow => (
          <Transition
            key={`${arrow.from} ${arrow.to}`}
            arrow={arrow}
            loop={arrow.from === arrow.to ? boxes.find(box => box.state === arrow.from) : undefined}
            isTaken={taken?.from === arrow.from && taken.to === arrow.to}
          />
        ))}
        {boxes.map(box => (
          <State key={box.state} box={box} isPresent={box.state === present} count={counts?.get(box.state)} />
        ))}
      </svg>
    </section>
  );
}

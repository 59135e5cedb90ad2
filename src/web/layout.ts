import { Graph, layout } from '@dagrejs/dagre';
import type { AnyStateMachine } from 'xstate';
import { type Edge, edgesOf } from '../charts/edges.ts';

const CHARACTER = 6.7;
const LINE = 15;
const NODE_HEIGHT = 34;

/** In pixels, from the upper left corner. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** A state; x and y are its centre. */
export interface Box extends Point {
  readonly state: string;
  readonly width: number;
  readonly height: number;
  readonly isFinal: boolean;
}

/** All transitions from one state to another, drawn as one arrow with a line of text each. */
export interface Arrow {
  readonly from: string;
  readonly to: string;
  readonly edges: readonly Edge[];
  readonly points: readonly Point[];
  readonly label: Point & { readonly width: number };
}

/** A chart with the places of its parts, in pixels. */
export interface Drawing {
  readonly width: number;
  readonly height: number;
  readonly boxes: readonly Box[];
  readonly arrows: readonly Arrow[];
}

/** The text of a transition, `EVENT [guard]`. */
export const labelOf = ({ event, guard }: Edge): string => (guard ? `${event} [${guard}]` : event);

/** The layout of a flat chart, in pixels. Boxes and labels are given by their centres. */
export function drawingOf(chart: AnyStateMachine): Drawing {
  const graph = new Graph();
  graph.setGraph({ rankdir: 'TB', nodesep: 28, ranksep: 36, edgesep: 14, marginx: 12, marginy: 12 });
  for (const state of Object.keys(chart.root.states)) {
    graph.setNode(state, { width: 24 + state.length * 8.5, height: NODE_HEIGHT });
  }
  const groups = new Map<string, Edge[]>();
  for (const edge of edgesOf(chart)) {
    if (edge.to === undefined) continue;
    const key = `${edge.from}\n${edge.to}`;
    groups.set(key, [...(groups.get(key) ?? []), edge]);
  }
  for (const [key, edges] of groups) {
    const [from = '', to = ''] = key.split('\n');
    const longest = Math.max(...edges.map(edge => labelOf(edge).length));
    const size = { width: longest * CHARACTER + 8, height: edges.length * LINE + 4 };
    graph.setEdge(from, to, { ...size, labelpos: 'c' });
  }
  layout(graph);

  const boxes = Object.entries(chart.root.states).map(([state, { type }]) => {
    const { x = 0, y = 0, width = 0, height = 0 } = graph.node(state);
    return { state, x, y, width, height, isFinal: type === 'final' };
  });
  const arrows = [...groups].map(([key, edges]) => {
    const [from = '', to = ''] = key.split('\n');
    const { points = [], x = 0, y = 0, width = 0 } = graph.edge(from, to);
    return { from, to, edges, points, label: { x, y, width } };
  });
  const { width = 0, height = 0 } = graph.graph();
  return { width, height, boxes, arrows };
}

/** Height of a line of a label, in pixels. */
export const lineHeight = LINE;

import type { AnyStateMachine } from 'xstate';
import { type Edge, edgesOf } from './edges.ts';

/** State names without hyphens: Mermaid would read a hyphen as part of an arrow. */
const idOf = (state: string): string => state.replaceAll('-', '_');

const labelOf = ({ event, guard }: Edge): string => (guard ? `${event} [${guard}]` : event);

/** Style of the present state: white on blue, legible in light and dark themes. */
const PRESENT = 'fill:#1a5fb4,stroke:#1a5fb4,color:#ffffff';

/**
 * A flat chart as a Mermaid `stateDiagram-v2`: its states and the transitions between them, without refusals.
 * The state `present`, if given, is highlighted.
 */
export function mermaidOf(machine: AnyStateMachine, present?: string): string {
  const states = Object.values(machine.root.states);
  const drawn = edgesOf(machine).filter(edge => edge.to !== undefined);
  return [
    'stateDiagram-v2',
    ...states.map(({ key }) => `  state "${key}" as ${idOf(key)}`),
    ...states
      .filter(one => machine.root.initial.target[0] === one)
      .map(({ key }) => `  [*] --> ${idOf(key)}`),
    ...drawn.map(edge => `  ${idOf(edge.from)} --> ${idOf(edge.to ?? '')} : ${labelOf(edge)}`),
    ...states.filter(one => one.type === 'final').map(({ key }) => `  ${idOf(key)} --> [*]`),
    ...(present === undefined ? [] : [`  classDef present ${PRESENT}`, `  class ${idOf(present)} present`]),
    '',
  ].join('\n');
}

/**
 * A chart as a Markdown page: the diagram, the events handled without a change of state, and the refusals.
 */
export function pageOf(machine: AnyStateMachine): string {
  const staying = edgesOf(machine).filter(edge => edge.to === undefined);
  const row = (edge: Edge, last: string): string =>
    `| ${edge.from} | ${edge.event} | ${edge.guard ?? ''} |${last}`;
  return [
    `# The ${machine.id} chart`,
    '',
    `Made from \`machines/${machine.id}.ts\` by \`npm run charts\`; do not edit.`,
    '',
    '```mermaid',
    `${mermaidOf(machine)}\`\`\``,
    '',
    '## Heard without leaving the state',
    '',
    '| state | event | guard |',
    '| --- | --- | --- |',
    ...staying.filter(edge => !edge.refusal).map(edge => row(edge, '')),
    '',
    '## Refused',
    '',
    '| state | event | guard | code |',
    '| --- | --- | --- | --- |',
    ...staying.filter(edge => edge.refusal).map(edge => row(edge, ` ${edge.refusal} |`)),
    '',
  ].join('\n');
}

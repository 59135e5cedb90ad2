import type { Inspect } from './disks/actors/step.ts';

/**
 * Reports what actors do to Stately's inspector at this WebSocket; where nobody listens there, it tries again every few seconds.
 * Loaded only here, and so only where somebody asked for it. Actors know disks and machines, and neither passwords nor tokens.
 */
export async function openInspector(url: string): Promise<Inspect> {
  const { createWebSocketInspector } = await import('@statelyai/inspect');
  const { inspect } = createWebSocketInspector({ url });
  return event => inspect.next?.(event);
}

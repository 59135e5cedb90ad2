import type { Inspect } from './disks/actors/step.ts';

/**
 * Reports what actors do to Stately's inspector at this WebSocket; where nothing listens there, the client
 * reconnects every few seconds. The package is loaded only when the setting `inspect` asks for it. Actors
 * know disks and VMs, but no passwords or tokens.
 */
export async function openInspector(url: string): Promise<Inspect> {
  const { createWebSocketInspector } = await import('@statelyai/inspect');
  const { inspect } = createWebSocketInspector({ url });
  return event => inspect.next?.(event);
}

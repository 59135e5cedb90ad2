import { reasonOf } from '../errors.ts';
import type { LibvirtClient } from '../libvirt/client.ts';
import type { Log } from './node-link.ts';

/** The name or UUID of the domain in a call's arguments; undefined if there is none. */
function domainIn(args: readonly unknown[]): string | undefined {
  const [first] = args;
  if (typeof first === 'string') return first.startsWith('<') ? undefined : first;
  return typeof first === 'object' && first !== null && 'name' in first ? String(first.name) : undefined;
}

/**
 * The client with each call logged at level debug with its duration; the client itself if that level is off.
 */
export function observed(client: LibvirtClient, node: string, log: Log): LibvirtClient {
  if (!log.debug || !log.isLevelEnabled?.('debug')) return client;
  const tell = log.debug.bind(log);
  const members = Object.entries(client).map(([call, member]: [string, unknown]) => {
    if (typeof member !== 'function') return [call, member];
    const timed = (...args: unknown[]): unknown => {
      const begun = performance.now();
      const result: unknown = Reflect.apply(member, client, args);
      if (!(result instanceof Promise)) return result;
      const facts = (): object => ({
        node,
        call,
        domain: domainIn(args),
        ms: Math.round((performance.now() - begun) * 1000) / 1000,
      });
      result.then(
        () => tell(facts(), 'libvirt call'),
        error => tell({ ...facts(), error: reasonOf(error) }, 'libvirt call'),
      );
      return result;
    };
    return [call, timed];
  });
  return Object.fromEntries(members) as LibvirtClient;
}

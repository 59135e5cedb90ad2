// Events come as MESSAGE packets with procedure numbers of their own and with serial 1, whatever remote_protocol.x
// says: they are told apart by message type and procedure, never by serial.
import type { DeviceEvent, DomainEvent, LifecycleEvent } from './domain.ts';
import { domain } from './procedures.ts';
import { type Codec, decode, int32, struct, text } from './xdr.ts';

/** virDomainEventID and the procedure that carries it, for each event this client registers. */
export const eventKinds = {
  lifecycle: { id: 0, procedure: 318 },
  'device-removed': { id: 15, procedure: 333 },
  'device-added': { id: 19, procedure: 354 },
  'device-removal-failed': { id: 22, procedure: 367 },
} as const satisfies Record<DomainEvent['type'], { id: number; procedure: number }>;

export const lifecyclePayload: Codec<Omit<LifecycleEvent, 'type'> & { callback: number }> = struct({
  callback: int32,
  domain,
  event: int32,
  detail: int32,
});
export const devicePayload: Codec<Omit<DeviceEvent, 'type'> & { callback: number }> = struct({
  callback: int32,
  domain,
  alias: text,
});

function device(
  type: 'device-added' | 'device-removed' | 'device-removal-failed',
  payload: Buffer,
): DomainEvent {
  const event = decode(devicePayload, payload);
  return { type, domain: event.domain, alias: event.alias };
}

/**
 * The event that an event procedure of the remote program carries, or undefined if it is none of ours; throws
 * ProtocolViolation if the payload is not what the procedure promises.
 */
export function decodeEvent(procedure: number, payload: Buffer): DomainEvent | undefined {
  switch (procedure) {
    case eventKinds.lifecycle.procedure: {
      const { domain, event, detail } = decode(lifecyclePayload, payload);
      return { type: 'lifecycle', domain, event, detail };
    }
    case eventKinds['device-added'].procedure:
      return device('device-added', payload);
    case eventKinds['device-removed'].procedure:
      return device('device-removed', payload);
    case eventKinds['device-removal-failed'].procedure:
      return device('device-removal-failed', payload);
    default:
      return undefined;
  }
}

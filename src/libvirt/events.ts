// Events arrive as MESSAGE packets with their own procedure numbers. Their serial is 1, contrary to
// remote_protocol.x, so they are recognised by message type and procedure, never by serial.
import type { DeviceEvent, DomainEvent, LifecycleEvent } from './domain.ts';
import { domain } from './procedures.ts';
import { type Codec, decode, int32, struct, text } from './xdr.ts';

/** For each event that this client registers: its virDomainEventID, and the procedure of its messages. */
export const eventKinds = {
  lifecycle: { id: 0, procedure: 318 },
  'device-removed': { id: 15, procedure: 333 },
  'device-added': { id: 19, procedure: 354 },
  'device-removal-failed': { id: 22, procedure: 367 },
} as const satisfies Record<DomainEvent['type'], { id: number; procedure: number }>;

/** Payload of the lifecycle event; `callback` is the number from its registration. */
export const lifecyclePayload: Codec<Omit<LifecycleEvent, 'type'> & { callback: number }> = struct({
  callback: int32,
  domain,
  event: int32,
  detail: int32,
});
/** Payload of the three device events. */
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
 * Decodes a message of the remote program; undefined if its procedure is not an event that this client
 * registers. Throws ProtocolViolation if the payload does not match the procedure.
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

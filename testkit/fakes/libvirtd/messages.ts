// The messages that a libvirtd sends without a call (events), and the payload of an error reply.
import type { DomainEvent } from '../../../src/libvirt/domain.ts';
import type { LibvirtError } from '../../../src/libvirt/errors.ts';
import { devicePayload, eventKinds, lifecyclePayload } from '../../../src/libvirt/events.ts';
import * as wire from '../../../src/libvirt/wire.ts';
import { encode } from '../../../src/libvirt/xdr.ts';

/** The payload of a reply with status ERROR. */
export function errorPayload(error: LibvirtError): Buffer {
  // libvirt's message is a sentence for the code and a detail; str1 is the format of the sentence.
  const [, sentence, detail] = /^(.*?): (.*)$/s.exec(error.message) ?? [];
  return encode(wire.wireError, {
    code: error.code,
    domain: error.domain,
    message: error.message,
    level: 2,
    dom: null,
    str1: sentence === undefined ? error.message : `${sentence}: %s`,
    str2: detail ?? null,
    str3: null,
    int1: error.int1,
    int2: -1,
    net: null,
  });
}

/** The message of an event for a client that has registered `callback` for events of its kind. */
export function eventMessage(event: DomainEvent, callback: number): Buffer {
  const payload =
    event.type === 'lifecycle'
      ? encode(lifecyclePayload, { callback, ...event })
      : encode(devicePayload, { callback, ...event });
  return wire.encodeMessage({
    program: wire.PROGRAM_REMOTE,
    procedure: eventKinds[event.type].procedure,
    type: wire.TYPE_MESSAGE,
    serial: 1,
    status: wire.STATUS_OK,
    payload,
  });
}

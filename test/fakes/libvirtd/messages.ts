// What a libvirtd sends by itself or in place of an answer.
import type { DomainEvent } from '../../../src/libvirt/domain.ts';
import type { LibvirtError } from '../../../src/libvirt/errors.ts';
import { devicePayload, eventKinds, lifecyclePayload } from '../../../src/libvirt/events.ts';
import * as wire from '../../../src/libvirt/wire.ts';
import { encode } from '../../../src/libvirt/xdr.ts';

export function errorPayload(error: LibvirtError): Buffer {
  // libvirt's messages are a sentence for the code, then the detail; str1 is the sentence's format.
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

/** An event, for the client that has registered `callback` for its kind. */
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

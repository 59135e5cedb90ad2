// One message is written at a time, the next one when the previous write's callback has come. libvirtd reads one message
// per poll event, and what TLS has decrypted along with it stays unseen until another packet arrives: several messages in
// one TLS record, which Node makes of several writes, stall for ever. Elsewhere waiting costs nothing.
import type { Writable } from 'node:stream';

export interface Outbox {
  /** There may be something to write. */
  pump(): void;
  /** Writes `frame` before anything else that waits. */
  urgent(frame: Buffer): void;
}

/** Writes to `stream` whatever `next` gives, until it gives undefined or the stream fails. */
export function outbox(stream: Writable, next: () => Buffer | undefined): Outbox {
  const urgent: Buffer[] = [];
  let writing = false;

  function pump(): void {
    if (writing || stream.destroyed) return;
    const frame = urgent.shift() ?? next();
    if (frame === undefined) return;
    writing = true;
    stream.write(frame, error => {
      writing = false;
      // A failed write is followed by 'error' or 'close', which whoever owns the stream hears of.
      if (!error) pump();
    });
  }

  return {
    pump,
    urgent(frame) {
      urgent.push(frame);
      pump();
    },
  };
}

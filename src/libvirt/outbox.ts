// Messages are written one at a time: the next one after the callback of the previous write. libvirtd reads
// one message for each poll event. With TLS, further messages in the same record are decrypted but not read
// until another packet arrives, and Node puts several writes into one record: such messages would wait for
// ever. Without TLS the waiting costs nothing.
import type { Writable } from 'node:stream';

/** Writes frames to a stream, one at a time. */
export interface Outbox {
  /** Writes the next frame if there is one and no write is in progress. */
  pump(): void;
  /** Queues `frame` before all frames from `next`. */
  urgent(frame: Buffer): void;
}

/**
 * An outbox over `stream`, with `next` as its source of frames; `next` returns undefined if there is none.
 */
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
      // After a failed write the stream emits 'error' or 'close', which the owner of the stream handles.
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

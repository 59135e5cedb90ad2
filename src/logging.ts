import { writeSync } from 'node:fs';
import { destination, type Logger, pino } from 'pino';

/**
 * The size of the buffer for lines that cannot be written at once, in bytes; when it is full, new lines are
 * lost.
 */
const KEPT_BYTES = 2 ** 20;

/**
 * The log, on stderr. Where stderr cannot be written (a full disk, a closed pipe), lines are buffered and
 * then lost; the service goes on.
 */
export function openLog(level: string): Logger {
  const lines = destination({ fd: process.stderr.fd, sync: true, maxLength: KEPT_BYTES });
  lines.on('error', () => {});
  return pino({ name: 'pdisk', level }, lines);
}

/** Writes a text for a person. Failures are ignored: there is no other place to report them. */
export function say(stream: { readonly fd: number }, text: string): void {
  try {
    writeSync(stream.fd, text);
  } catch {
    // There is no other place to report it.
  }
}

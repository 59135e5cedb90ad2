import { writeSync } from 'node:fs';
import { destination, type Logger, pino } from 'pino';

/** What is kept of lines that cannot be written at once, in bytes; past it new ones are lost. */
const KEPT_BYTES = 2 ** 20;

/**
 * The log, on stderr. Where that cannot be written, on a full disk or because its reader has gone, lines wait, and then are lost; the service
 * goes on.
 */
export function openLog(level: string): Logger {
  const lines = destination({ fd: process.stderr.fd, sync: true, maxLength: KEPT_BYTES });
  lines.on('error', () => {});
  return pino({ name: 'pdisk', level }, lines);
}

/** Writes a text for a person; where that cannot be done, nobody hears of it. */
export function say(stream: { readonly fd: number }, text: string): void {
  try {
    writeSync(stream.fd, text);
  } catch {
    // There is nowhere left to say it.
  }
}

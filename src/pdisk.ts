#!/usr/bin/env node
// The entry point. Loading the modules takes a while, and a signal ends a process by default: so the handlers
// are set before anything is loaded.

const end = new AbortController();
for (const [signal, number] of [
  ['SIGTERM', 15],
  ['SIGINT', 2],
] as const) {
  process.on(signal, () => {
    if (!end.signal.aborted) {
      end.abort(signal);
      return;
    }
    // The second one ends the process at once, as if it had no handler.
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
    // Only process 1 of a container comes here: for it the kernel has no default.
    process.exit(128 + number);
  });
}
// Does nothing yet: the certificate is read at the start anyway.
process.on('SIGHUP', () => {});
// No access for others to any file or folder that the process creates, those of libraries included.
process.umask(0o077);

const { runCommandLine } = await import('./command-line.ts');
await runCommandLine(end.signal);

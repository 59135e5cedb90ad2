#!/usr/bin/env node
// The entry point. Loading the modules takes a while, and SIGHUP ends a process by default: so a handler is
// set before anything is loaded.

// Does nothing yet: the certificate is read at the start anyway.
process.on('SIGHUP', () => {});
// No access for others to any file or folder that the process creates, those of libraries included.
process.umask(0o077);

const { runCommandLine } = await import('./command-line.ts');
await runCommandLine();

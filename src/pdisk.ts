#!/usr/bin/env node
// What is started. Loading the service takes a while, in which a signal to read the certificate again would end the process, whose default that is:
// so that is heeded before anything is loaded.

// Until there is a certificate it has nothing to say: the start reads it anyway.
process.on('SIGHUP', () => {});
// Whatever we make, folders and files of libraries included, is ours alone.
process.umask(0o077);

const { obey } = await import('./command-line.ts');
await obey();

import test from 'ava';
import { Unsupported } from '../../src/libvirt/errors.ts';
import { parseUri } from '../../src/libvirt/uri.ts';

const unix = { transport: 'unix', host: 'localhost', port: 16_509 };
const systemSockets = ['/var/run/libvirt/virtqemud-sock', '/var/run/libvirt/libvirt-sock'];

const understood = {
  'qemu:///system': { ...unix, name: 'qemu:///system', sockets: systemSockets },
  'qemu+unix:///system': { ...unix, name: 'qemu:///system', sockets: systemSockets },
  'QEMU+UNIX:///system': { ...unix, name: 'qemu:///system', sockets: systemSockets },
  'qemu:///system?mode=legacy': { ...unix, name: 'qemu:///system', sockets: [systemSockets[1]] },
  'qemu:///system?mode=direct': { ...unix, name: 'qemu:///system', sockets: [systemSockets[0]] },
  'remote:///': { ...unix, name: '', sockets: [systemSockets[1]] },
  'qemu:///system?socket=/run/one/libvirt-sock': {
    ...unix,
    name: 'qemu:///system',
    sockets: ['/run/one/libvirt-sock'],
  },
  'qemu:///system?SOCKET=%2Frun%2Fa%20b': { ...unix, name: 'qemu:///system', sockets: ['/run/a b'] },
  'qemu:///system?socket=/s&a=b&no_verify=1&c=d=e': {
    ...unix,
    name: 'qemu:///system?a=b&c=d=e',
    sockets: ['/s'],
  },
  'qemu:///system?name=qemu:///embed': { ...unix, name: 'qemu:///embed', sockets: systemSockets },
  'qemu+tcp://host/system': { transport: 'tcp', name: 'qemu:///system', host: 'host', port: 16_509 },
  'qemu+TCP://host:99/system': { transport: 'tcp', name: 'qemu:///system', host: 'host', port: 99 },
  'qemu+tcp://[::1]:99/system': { transport: 'tcp', name: 'qemu:///system', host: '::1', port: 99 },
  'qemu+tcp:///system': { transport: 'tcp', name: 'qemu:///system', host: 'localhost', port: 16_509 },
};

for (const [uri, expected] of Object.entries(understood)) {
  test(`${uri} is parsed`, t => {
    t.like(parseUri(uri), expected);
  });
}

const refusedUris = {
  'not a uri': /is not a URI/,
  '/run/libvirt/libvirt-sock': /is not a URI/,
  'qemu://host/system': /transport tls is not supported; unix and tcp are/,
  'qemu+tls://host/system': /transport tls is not supported/,
  'qemu+ssh://host/system': /transport ssh is not supported/,
  'qemu+libssh2://host/system': /transport libssh2 is not supported/,
  'qemu+ext:///system?command=/bin/true': /transport ext is not supported/,
  'qemu+carrier-pigeon://host/system': /unknown transport carrier-pigeon/,
  'qemu+unix://host/system': /the unix transport has no host/,
  'qemu+tcp://me@host/system': /users are for the ssh transport/,
  'qemu+tcp://me:secret@host/system': /users are for the ssh transport/,
  'qemu+tcp://host/system?mode=direct': /mode=direct is for the unix transport/,
  'qemu+tcp://host/system?socket=/s': /socket= is for the unix transport/,
  'qemu:///system?mode=sideways': /allowed are auto, legacy and direct/,
  'qemu:///system?socket=%zz': /percent-encoded/,
  'qemu:///system#part': /no fragment/,
};

for (const [uri, message] of Object.entries(refusedUris)) {
  test(`${uri} is refused with a reason`, t => {
    t.throws(() => parseUri(uri), { instanceOf: Unsupported, message });
  });
}

test.serial('the socket of a session is in the runtime directory of the user', t => {
  const before = process.env.XDG_RUNTIME_DIR;
  process.env.XDG_RUNTIME_DIR = '/run/user/7';
  t.deepEqual(parseUri('qemu:///session').sockets, [
    '/run/user/7/libvirt/virtqemud-sock',
    '/run/user/7/libvirt/libvirt-sock',
  ]);
  if (before === undefined) delete process.env.XDG_RUNTIME_DIR;
  else process.env.XDG_RUNTIME_DIR = before;
});

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

const ssh = {
  user: undefined,
  port: undefined,
  keyFile: undefined,
  knownHosts: undefined,
  command: 'ssh',
  netcat: 'nc',
  proxy: 'auto',
};

const reachedByNetwork = {
  'qemu://host/system': { transport: 'tls', name: 'qemu:///system', host: 'host', port: 16_514 },
  'qemu+tls://host/system': { transport: 'tls', port: 16_514, pkiPath: undefined, authFile: undefined },
  'qemu+tls://host:99/system?pkipath=/etc/node%20one&authfile=/etc/auth': {
    transport: 'tls',
    name: 'qemu:///system',
    port: 99,
    pkiPath: '/etc/node one',
    authFile: '/etc/auth',
  },
  'qemu+ssh://host/system': {
    transport: 'ssh',
    name: 'qemu:///system',
    sockets: systemSockets,
    port: 22,
    ssh,
  },
  'qemu+ssh://me@[fe80::1]:2222/system?keyfile=/k&known_hosts=/h&proxy=native': {
    host: 'fe80::1',
    port: 2222,
    ssh: { ...ssh, user: 'me', port: 2222, keyFile: '/k', knownHosts: '/h', proxy: 'native' },
  },
  'qemu+ssh://host/system?socket=/s': { sockets: ['/s'], ssh: { ...ssh, proxy: 'netcat' } },
  'qemu+ssh://host/system?netcat=/bin/nc&command=/bin/ssh': {
    ssh: { ...ssh, netcat: '/bin/nc', command: '/bin/ssh', proxy: 'netcat' },
  },
  'qemu+ssh://host/session': { name: 'qemu:///session', sockets: [] },
};

for (const [uri, expected] of Object.entries(reachedByNetwork)) {
  test(`${uri} is parsed`, t => {
    t.like(parseUri(uri), expected);
  });
}

const refusedUris = {
  'not a uri': /is not a URI/,
  '/run/libvirt/libvirt-sock': /is not a URI/,
  'qemu+libssh2://host/system': /transport libssh2 is not supported; supported are unix .* tls .* ssh .* tcp/,
  'qemu+ext:///system?command=/bin/true': /transport ext is not supported; supported are/,
  'qemu+carrier-pigeon://host/system': /unknown transport carrier-pigeon; supported are/,
  'qemu+unix://host/system': /the unix transport has no host; supported are/,
  'qemu+tls:///system': /the transport tls needs a host/,
  'qemu+ssh:///system': /the transport ssh needs a host/,
  'qemu+tcp://me@host/system': /users are for the ssh transport/,
  'qemu+tls://me@host/system': /users are for the ssh transport/,
  'qemu+ssh://me:secret@host/system': /a URI has no password; authfile=/,
  'qemu+tcp://me:secret@host/system': /a URI has no password/,
  'qemu+tcp://host/system?mode=direct': /mode=direct is for the unix transport/,
  'qemu+tcp://host/system?socket=/s': /socket= is for the unix and ssh transport/,
  'qemu+tls://host/system?keyfile=/k': /keyfile= is for the ssh transport only/,
  'qemu+ssh://host/system?pkipath=/p': /pkipath= is for the tls transport only/,
  'qemu+tls://host/system?no_verify=1': /no_verify is not supported; the host is always verified/,
  'qemu+ssh://host/system?no_verify=1': /no_verify is not supported/,
  'qemu+ssh://host/system?known_hosts_verify=ignore': /known_hosts_verify=ignore is not supported/,
  'qemu+tls://host/system?tls_priority=NORMAL': /tls_priority is not supported/,
  'qemu+ssh://host/system?proxy=sideways': /allowed are auto, native and netcat/,
  'qemu+ssh://host/session?proxy=netcat': /add socket=/,
  'qemu+tls://host/system?pkipath=pki': /pkipath= must be a path that is absolute/,
  'qemu+ssh://host/system?keyfile=%2Fk%22%20-oProxyCommand=x': /keyfile= must be a path without quotes/,
  'qemu+ssh://host/system?known_hosts=/%25h': /known_hosts= must be a path without quotes/,
  'qemu+ssh://host/system?command=sh%20-c%20x': /command= must be a path/,
  'qemu+ssh://-oProxyCommand=x/system': /"-oProxyCommand=x" is no host name/,
  'qemu+ssh://a$(x)/system': /is no host name/,
  'qemu+tls://ho*st/system': /is no host name/,
  'qemu+ssh://-lroot@host/system': /"-lroot" is no user name/,
  'qemu+ssh://a%20b@host/system': /"a b" is no user name/,
  'qemu+ssh://$(x)@host/system': /is no user name/,
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

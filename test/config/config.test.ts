import test from 'ava';
import { unknownVariables } from '../../src/config/environment.ts';
import { helpText, settingsTable } from '../../src/config/help.ts';
import { isNodeName, normalNodeName } from '../../src/config/node-name.ts';
import { allSettings } from '../../src/config/settings.ts';
import { ConfigError, loadConfig } from '../../src/config.ts';

/** The configuration from the text of a file and an environment. */
const load = (text: string, env: Record<string, string> = {}) =>
  loadConfig({
    argv: ['--config', 'pdisk.yaml'],
    env,
    readFile: () => text,
    hostname: 'OneHost-1.Example.org',
    cwd: '/srv',
  });

const mistakes = (text: string, env: Record<string, string> = {}): readonly string[] => {
  try {
    load(text, env);
  } catch (error) {
    if (error instanceof ConfigError) return error.sentences;
    throw error;
  }
  return [];
};

test('no file and an empty file give the defaults', t => {
  const config = loadConfig({ env: {}, hostname: 'OneHost-1.Example.org', cwd: '/srv' });
  t.deepEqual(config, {
    listen: { host: '127.0.0.1', port: 8445 },
    dataDir: '/srv/data',
    pool: { kind: 'file', directory: '/srv/data/pool' },
    wipe: 'zero',
    wipeRateMiB: undefined,
    overcommit: 1,
    userLimit: 1,
    quota: { disks: Number.POSITIVE_INFINITY, sizeGiB: Number.POSITIVE_INFINITY },
    tls: undefined,
    hostNames: [],
    allowedOrigins: [],
    trustedProxies: [],
    maxConnections: 20_000,
    maxRequests: 2000,
    nodes: { localhost: 'qemu:///system', 'onehost-1.example.org': 'qemu:///system' },
    vmNames: ['{vm_id}', 'one-{vm_id}'],
    vmAccess: 'any',
    attachTimeoutMs: 30_000,
    detachTimeoutMs: 30_000,
    createTimeoutMs: 60_000,
    deleteTimeoutMs: 60_000,
    drainMs: 5000,
    reconcileIntervalMs: 60_000,
    eventHistory: 1_000_000,
    eventHistoryMs: 30 * 86_400_000,
    eventBookmarkMs: 30_000,
    eventIdleSeconds: 120,
    eventStreams: 100,
    inspect: undefined,
    metricsAccess: 'loopback',
    logLevel: 'info',
    acceptLoss: false,
  });
  for (const text of ['', '\n', '# nothing\n', '{}', '---\n']) t.deepEqual(load(text), config);
});

test('a file sets everything, under the names of the schema', t => {
  const config = load(`
    listen: "[::1]:0"
    data_dir: /var/lib/pdisk
    pool: file:images
    wipe: none
    wipe_rate: 100
    overcommit: 2.5
    user_limit: 3
    quota_disks: 10
    quota_size: 0
    insecure: false
    tls_certificate: tls/cert.pem
    tls_key: /tls/key.pem
    host_names: [Disks.Example.]
    allowed_origins: ['HTTPS://Console.Example']
    trusted_proxies: ['127.0.0.1', '::1', '10.0.0.0/8']
    max_connections: 7
    max_requests: 8
    nodes:
      OneHost-1.Example.org.: qemu:///system?socket=/run/one/libvirt-sock
      onehost-2: qemu+ssh://pdisk@onehost-2/system?keyfile=/etc/pdisk/id
      "*": qemu+tcp://{node}/system
    insecure_nodes: true
    vm_names: ["vm-{vm_id}"]
    vm_access: service
    attach_timeout: 0.5
    detach_timeout: 10
    create_timeout: 20
    delete_timeout: 30
    drain_timeout: 10
    reconcile_interval: 5
    event_history: 1000
    event_history_days: 0.5
    event_bookmark: 1
    event_idle: 60
    event_streams: 9
    inspect: ws://localhost:8080
    metrics_access: any
    log_level: silent
  `);
  t.deepEqual(config, {
    listen: { host: '::1', port: 0 },
    dataDir: '/var/lib/pdisk',
    pool: { kind: 'file', directory: '/srv/images' },
    wipe: 'none',
    wipeRateMiB: 100,
    overcommit: 2.5,
    userLimit: 3,
    quota: { disks: 10, sizeGiB: 0 },
    tls: { certificate: '/srv/tls/cert.pem', key: '/tls/key.pem' },
    hostNames: ['disks.example'],
    allowedOrigins: ['https://console.example'],
    trustedProxies: ['127.0.0.1', '::1', '10.0.0.0/8'],
    maxConnections: 7,
    maxRequests: 8,
    nodes: {
      'onehost-1.example.org': 'qemu:///system?socket=/run/one/libvirt-sock',
      'onehost-2': 'qemu+ssh://pdisk@onehost-2/system?keyfile=/etc/pdisk/id',
      '*': 'qemu+tcp://{node}/system',
    },
    vmNames: ['vm-{vm_id}'],
    vmAccess: 'service',
    attachTimeoutMs: 500,
    detachTimeoutMs: 10_000,
    createTimeoutMs: 20_000,
    deleteTimeoutMs: 30_000,
    drainMs: 10_000,
    reconcileIntervalMs: 5000,
    eventHistory: 1000,
    eventHistoryMs: 43_200_000,
    eventBookmarkMs: 1000,
    eventIdleSeconds: 60,
    eventStreams: 9,
    inspect: 'ws://localhost:8080',
    metricsAccess: 'any',
    logLevel: 'silent',
    acceptLoss: false,
  });
});

test('the environment overrides the file, and an empty variable counts as not set', t => {
  const file = 'user_limit: 2\nlisten: 127.0.0.1:1\nlog_level: warn';
  const config = load(file, {
    PDISK_USER_LIMIT: '5',
    PDISK_LISTEN: '[::]:80',
    PDISK_INSECURE: 'true',
    PDISK_LOG_LEVEL: '',
    PDISK_NODES: '{a: qemu:///system}',
    PDISK_VM_NAMES: '["{vm_id}"]',
    PDISK_DATA_DIR: '[odd] name',
  });
  t.like(config, {
    userLimit: 5,
    listen: { host: '::', port: 80 },
    logLevel: 'warn',
    acceptLoss: false,
    nodes: { a: 'qemu:///system' },
    vmNames: ['{vm_id}'],
    dataDir: '/srv/[odd] name',
  });
});

test('every setting has a variable, and all of them are read', t => {
  const names = allSettings.map(setting => setting.env);
  t.is(new Set(names).size, allSettings.length);
  for (const { name, env } of allSettings) {
    t.is(env, `PDISK_${name.toUpperCase()}`);
    if (['data_dir', 'tls_certificate', 'tls_key'].includes(name)) continue;
    const [sentence = '', ...others] = mistakes('', { [env]: '!' });
    t.deepEqual(others, []);
    t.true(sentence.startsWith(`${name} (from ${env}) is `), sentence);
  }
});

test('a setting of an earlier version is reported as gone, in the file and in the environment', t => {
  const [inFile = '', ...others] = mistakes('leftover_grace: 3600');
  t.deepEqual(others, []);
  t.regex(inFile, /^The setting leftover_grace is gone: a volume .*GET \/api\/leftovers.*Take it out\.$/);
  const [inEnv = ''] = mistakes('', { PDISK_LEFTOVER_GRACE: '1' });
  t.regex(inEnv, /^PDISK_LEFTOVER_GRACE is set, and the setting leftover_grace is gone/);
});

test('a misspelt variable and a list that is not YAML are reported', t => {
  t.deepEqual(unknownVariables({ PDISK_PORT: '9000', PDISK_LISTEN: '', PDISK_CONFIG: '', PATH: '/bin' }), [
    'There is no setting for the environment variable PDISK_PORT; see --help.',
  ]);
  const [sentence = ''] = mistakes('', { PDISK_HOST_NAMES: 'a.b' });
  t.regex(sentence, /host_names must be a list of host names, in YAML: '\[a, b\]'\.$/);
});

test('a loss is accepted only on the command line', t => {
  t.true(loadConfig({ argv: ['--accept-loss'], env: {} }).acceptLoss);
  t.false(loadConfig({ env: { PDISK_ACCEPT_LOSS: 'true' } }).acceptLoss);
});

test('the file is named by --config, else by PDISK_CONFIG', t => {
  const read: string[] = [];
  const readFile = (path: string) => {
    read.push(path);
    return '';
  };
  const env = { PDISK_CONFIG: 'b.yaml' };
  loadConfig({ argv: ['--config=a.yaml', '--check-config'], env, readFile, cwd: '/srv' });
  loadConfig({ argv: [], env, readFile, cwd: '/srv' });
  loadConfig({ env: {}, readFile });
  t.deepEqual(read, ['/srv/a.yaml', '/srv/b.yaml']);
  t.throws(() => loadConfig({ argv: ['--confg', 'x'], env: {} }), {
    name: 'ConfigError',
    message: /--confg/,
  });
  t.throws(() => loadConfig({ argv: ['--config', '/nowhere/x.yaml'], env: {} }), {
    message: /^The configuration file \/nowhere\/x\.yaml cannot be read: ENOENT/,
  });
});

test('all mistakes are reported together, each with the setting, the value and what is allowed', t => {
  const sentences = mistakes(
    'listen: 8445\nuser_limit: 0\nlogs: info\nnodes: {"*": "qemu:///system", -b: "qemu:///system"}\nattach_timeout: "3"',
    { PDISK_OVERCOMMIT: '-1', PDISK_VM_NAMES: '[' },
  );
  const starts = [
    'vm_names (from PDISK_VM_NAMES) is "["; vm_names must be a list of domain names that contain {vm_id}',
    'listen is 8445; listen must be HOST:PORT',
    'overcommit (from PDISK_OVERCOMMIT) is -1; overcommit must be a number above 0',
    'user_limit is 0; user_limit must be a whole number from 1 up.',
    'nodes.* is "qemu:///system"; nodes must be a map',
    'nodes.-b is "qemu:///system"; nodes must be a map',
    'attach_timeout is "3"; attach_timeout must be a number of seconds',
    'There is no setting logs; the settings are listen, ',
  ];
  t.is(sentences.length, starts.length);
  for (const [index, start] of starts.entries())
    t.true(sentences[index]?.startsWith(start), sentences[index]);
});

test('a pool is a directory, relative to the working directory, a volume group or a thin pool in one', t => {
  const poolOf = (pool: string) => load('', { PDISK_POOL: pool }).pool;
  t.deepEqual(poolOf('file:images'), { kind: 'file', directory: '/srv/images' });
  t.deepEqual(poolOf('file:/a:b'), { kind: 'file', directory: '/a:b' });
  t.deepEqual(poolOf('lvm:vg'), { kind: 'lvm', vg: 'vg', thinPool: undefined });
  t.deepEqual(poolOf('lvm:vg/thin'), { kind: 'lvm', vg: 'vg', thinPool: 'thin' });
});

test('what is not allowed is refused', t => {
  for (const text of [
    'listen: localhost',
    'listen: "x:65536"',
    'listen: "[::g]:1"',
    'listen: "::1:1"',
    'listen: "a b:1"',
    'listen:',
    'data_dir: ""',
    'pool: lvm:',
    'pool: lvm:a/b/c',
    'pool: lvm:-a',
    'wipe: all',
    'wipe_rate: 0',
    'pool: ""',
    'pool: "file:"',
    'pool: "file:/a\\nb"',
    'pool: /srv/pool',
    'pool: zfs:tank',
    'overcommit: 0',
    'overcommit: .inf',
    'user_limit: 1.5',
    'user_limit: "2"',
    'nodes: [a]',
    'nodes: {a: "http://x"}',
    'nodes: {a: "qemu+tcp://{node}/system"}',
    'nodes: {A: "qemu:///system", a.: "qemu:///system"}',
    'vm_names: []',
    'vm_names: [one]',
    'vm_access: all',
    'attach_timeout: 0',
    'reconcile_interval: 100000',
    'log_level: loud',
    '[]',
    'a string',
    'listen: [',
    'user_limit: 1\nuser_limit: 2',
  ]) {
    t.is(mistakes(text).length, 1, text);
  }
});

test('a host name is letters, digits, hyphens and underscores in labels, lower case without a final dot', t => {
  const label = 'a'.repeat(63);
  const longest = `${label}.${label}.${label}.${'a'.repeat(61)}`;
  for (const name of ['a', 'A-1', 'kvm_01', '1.2.3.4', 'a.b.', longest, `${longest}.`])
    t.true(isNodeName(name), name);
  for (const name of ['', '.', '-a', 'a-', 'a..b', '_a', 'a_', 'a b', 'a\n', `${label}a`, `${longest}a`])
    t.false(isNodeName(name), name);
  t.is(normalNodeName('OneHost-2.LAL.in2p3.fr.'), 'onehost-2.lal.in2p3.fr');
});

test('the help and the table contain every setting, in a table of four columns', t => {
  const rows = settingsTable().trimEnd().split('\n');
  for (const { name, env } of allSettings) {
    t.true(helpText().includes(`  ${name}  ${env}  `));
    t.is(rows.filter(row => row.startsWith(`| \`${name}\` | \`${env}\` |`)).length, 1);
  }
  for (const row of rows) t.is(row.split('|').length, 6, row);
});

test('beyond this computer it serves with TLS only, unless it is told to be insecure', t => {
  const reason =
    /^listen is 0\.0\.0\.0, .*in the clear: set tls_certificate and tls_key, .*insecure to true\.$/;
  t.regex(mistakes('listen: 0.0.0.0:1').join(), reason);
  t.like(load('listen: 0.0.0.0:1\ninsecure: true'), { tls: undefined });
  t.truthy(load('listen: 0.0.0.0:1\ntls_certificate: a\ntls_key: b').tls);
  for (const host of ['127.0.0.1', '127.1.2.3', '[::1]', 'localhost'])
    t.like(load(`listen: "${host}:1"`), { tls: undefined });
  t.is(mistakes('tls_key: b').join(), 'tls_key is set and tls_certificate is not; TLS needs both.');
});

test('a node with an invalid name is reported as such', t => {
  const env = { PDISK_NODES: '{kvm 01: "qemu:///system"}' };
  const error = t.throws(() => loadConfig({ env }), { instanceOf: ConfigError });
  t.true(
    error?.sentences[0]?.endsWith(
      "'kvm 01' is no host name: letters, digits, hyphens and underscores between dots.",
    ),
  );
});

test('a node beyond this computer is reached by TLS or ssh only, unless nodes may be insecure', t => {
  const plain =
    /^nodes\.far is qemu\+tcp:\/\/far\/system, .*use qemu\+tls:.* or qemu\+ssh:.* insecure_nodes to true\.$/;
  t.regex(mistakes('nodes: {far: "qemu+tcp://far/system"}').join(), plain);
  t.regex(mistakes('nodes: {"*": "qemu+tcp://{node}/system"}').join(), /^nodes\.\* is .*insecure_nodes/);
  for (const uri of [
    'qemu+tcp://127.0.0.1:99/system',
    'qemu+tcp://[::1]/system',
    'qemu+tcp://localhost/system',
  ])
    t.like(load(`nodes: {near: "${uri}"}`), { nodes: { near: uri } });
  t.like(load('nodes: {far: "qemu+tcp://far/system"}\ninsecure_nodes: true'), {
    nodes: { far: 'qemu+tcp://far/system' },
  });
});

test('a URI that cannot be used is refused with the reason, and with what is supported', t => {
  const refusal = (uri: string): string => mistakes(`nodes: {a: "${uri}"}`).join();
  t.regex(
    refusal('qemu+libssh://a/system'),
    /transport libssh is not supported; supported are unix .*tls.*ssh/,
  );
  t.regex(refusal('qemu+ssh://root:secret@a/system'), /a URI has no password/);
  t.regex(refusal('lxc:///system'), /the URI of a node is for qemu/);
  t.regex(refusal('qemu+tls://a/'), /its path is \/system/);
});

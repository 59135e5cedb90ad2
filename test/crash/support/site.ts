// A service with its folder, two nodes of fake libvirtds that outlive it, and accounts of each role.
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { type FakeLibvirtd, startFakeLibvirtd } from '../../../testkit/fakes/libvirtd.ts';
import { HASTY_S, type Plan } from './plan.ts';
import { type Answer, launch, PASSWORD, type Running } from './process.ts';
import type { Program } from './program.ts';

/** The account that asks. `root`: the administrator by password, which making a token demands. */
export type Who = 'admin' | 'alice' | 'cloud' | 'root';

/** How a request is sent. */
export interface Sent {
  readonly as?: Who;
  readonly form?: Readonly<Record<string, string>>;
  readonly key?: string | undefined;
}

/** What a site begins with: a database with the accounts, and their Authorization headers. */
export interface Template {
  readonly folder: string;
  readonly headers: Readonly<Record<Who, string>>;
}

/** A service and all that is around it. */
export interface Site {
  readonly folder: string;
  readonly pool: string;
  readonly n1: FakeLibvirtd;
  readonly n2: FakeLibvirtd;
  /** The newest process. */
  readonly running: Running;
  ask(method: string, path: string, sent?: Sent): Promise<Answer | undefined>;
  /** As `ask`; throws unless the answer is 2xx. Resolves with its body. */
  demand<T = unknown>(method: string, path: string, sent?: Sent): Promise<T>;
  /** A number that no other call of this site returns, for names. */
  next(): number;
  /** Ends the last process and starts one. `arm`: it counts boundaries from its beginning. */
  start(arm?: { readonly plan?: Plan | undefined }): Promise<void>;
  /** As `restart`, with short deadlines for what pool, nodes and guests do. */
  restartHasty(): Promise<void>;
  /** Ends the last process and starts one; throws where it does not serve. */
  restart(): Promise<void>;
  end(): Promise<void>;
}

/** The host UUIDs of the nodes, which a template's database knows. */
const HOSTS = {
  n1: '11111111-1111-4111-8111-111111111111',
  n2: '22222222-2222-4222-8222-222222222222',
} as const;

const basic = (name: string): string => `Basic ${Buffer.from(`${name}:${PASSWORD}`).toString('base64')}`;
const noHeaders: Template['headers'] = { admin: basic('admin'), alice: '', cloud: '', root: basic('admin') };

/** Opens a site on a copy of a template; without one, on an empty folder. Starts nothing. */
export async function openSite(program: Program, template?: Template): Promise<Site> {
  const folder = await mkdtemp(join(tmpdir(), 'pdisk-crash-'));
  if (template) await cp(template.folder, folder, { recursive: true });
  const n1 = await startFakeLibvirtd({ unix: join(folder, 'n1'), hostUuid: HOSTS.n1 });
  const n2 = await startFakeLibvirtd({ unix: join(folder, 'n2'), hostUuid: HOSTS.n2 });
  const settings = {
    listen: '127.0.0.1:0',
    data_dir: join(folder, 'data'),
    nodes: { n1: n1.uri, n2: n2.uri },
    // A pass that failed is made up for soon.
    reconcile_interval: 10,
  };
  // Long: longer than a point takes on a busy computer, for no deadline is meant to pass.
  for (const [name, seconds] of [
    ['pdisk.yaml', 120],
    ['hasty.yaml', HASTY_S],
  ] as const) {
    const deadlines = ['attach', 'detach', 'create', 'delete'].map(what => [`${what}_timeout`, seconds]);
    await writeFile(join(folder, name), stringify({ ...settings, ...Object.fromEntries(deadlines) }));
  }
  const headers = template?.headers ?? noHeaders;
  let running: Running | undefined;
  let count = 0;

  const current = (): Running => {
    if (!running) throw new Error('the service was never started');
    return running;
  };

  async function start(
    arm?: { readonly plan?: Plan | undefined },
    config: 'pdisk.yaml' | 'hasty.yaml' = 'pdisk.yaml',
  ): Promise<void> {
    await running?.end('SIGKILL');
    running = launch(program, { folder, config: join(folder, config), arm });
    await running.serving;
  }

  function demandRunning(): void {
    if (current().hasEnded()) throw new Error(`the service did not start\n${current().log()}`);
  }

  const ask: Site['ask'] = (method, path, { as = 'admin', form, key } = {}) =>
    current().ask(method, path, { as: headers[as], form, key });

  return {
    folder,
    pool: join(folder, 'data', 'pool'),
    n1,
    n2,
    get running() {
      return current();
    },
    ask,
    async demand<T>(method: string, path: string, sent?: Sent) {
      const answer = await ask(method, path, sent);
      if (answer && answer.status < 300) return answer.body as T;
      const found = answer ? `${answer.status} ${JSON.stringify(answer.body)}` : 'nothing';
      throw new Error(`${method} ${path} answered ${found}\n${current().log().slice(-1500)}`);
    },
    next() {
      count += 1;
      return count;
    },
    start: arm => start(arm),
    async restart() {
      await start();
      demandRunning();
    },
    async restartHasty() {
      await start(undefined, 'hasty.yaml');
      demandRunning();
    },
    async end() {
      await running?.end('SIGKILL');
      await Promise.all([n1.stop(), n2.stop()]);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Makes a template: the database of a service that has its accounts, and was stopped. */
export async function makeTemplate(program: Program): Promise<Template> {
  const site = await openSite(program);
  await site.restart();
  const root = { as: 'root' as const };
  for (const [name, role] of [
    ['alice', 'user'],
    ['cloud', 'service'],
  ] as const)
    await site.demand('PUT', `/api/users/${name}`, { ...root, form: { password: PASSWORD, role } });
  const tokens: Record<string, string> = {};
  for (const name of ['admin', 'alice', 'cloud']) {
    const sent = { as: basic(name), form: { name: 'matrix' } };
    const answer = await site.running.ask('POST', '/api/tokens', sent);
    const { token } = (answer?.body ?? {}) as { token?: string };
    if (token === undefined) throw new Error(`no token for ${name}: ${answer?.status}`);
    tokens[name] = `Bearer ${token}`;
  }
  await site.running.end('SIGTERM');
  const folder = await mkdtemp(join(tmpdir(), 'pdisk-crash-template-'));
  await cp(join(site.folder, 'data'), join(folder, 'data'), { recursive: true });
  await site.end();
  return { folder, headers: { ...noHeaders, ...tokens } };
}

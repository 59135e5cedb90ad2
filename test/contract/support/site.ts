// The real service with three nodes of fake libvirtds, and one account of each kind. The tests of one file
// share a site, so each creates its own disks and VMs.
import { mkdtemp, rm } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { conforms } from '../../../testkit/conforms.ts';
import { type FakeLibvirtd, startFakeLibvirtd } from '../../../testkit/fakes/libvirtd.ts';
import { basic, sendRaw } from '../../../testkit/http.ts';
import { type Service, startService } from '../../../testkit/service.ts';

/** The account that sends a request; `''`: no credentials. */
export type Who = 'admin' | 'cloud' | 'alice' | 'bob' | '';
export const everybody: readonly Who[] = ['', 'alice', 'bob', 'cloud', 'admin'];

/** An answer, with its reason phrase, its error code and its messages. */
export interface Answered {
  readonly status: number;
  readonly reason: string;
  readonly headers: Headers;
  readonly text: string;
  /** `X-Error-Code`, or the status where there is none. */
  readonly code: string | number;
  /** The body's `message`. */
  readonly messages: readonly string[];
}

/** What a request sends; at most one of `form`, `json` and `body`. */
export interface Asked {
  readonly as?: Who;
  readonly form?: Record<string, string>;
  readonly json?: unknown;
  readonly body?: string | Uint8Array;
  readonly headers?: Record<string, string>;
}

/** A running service with its fake nodes; `create` resolves with the UUID of a new disk. */
export interface Site {
  readonly service: Service;
  readonly n1: FakeLibvirtd;
  readonly n2: FakeLibvirtd;
  ask(method: string, path: string, asked?: Asked): Promise<Answered>;
  /** Sends bytes unchanged. */
  raw(bytes: string | Buffer, enough?: (received: string, socket: Socket) => boolean): Promise<string>;
  create(as?: Who, visibility?: 'private' | 'public', sizeGiB?: number): Promise<string>;
  /** Adds a running VM with a name of its own; returns its `vm_id`. */
  addVm(node?: 'n1' | 'n2', settings?: { manners?: 'willing' | 'unwilling'; ports?: number }): string;
  end(): Promise<void>;
}

/** Sends one request, as the administrator by default. */
export async function ask(url: string, method: string, path: string, asked: Asked = {}): Promise<Answered> {
  const { as = 'admin', form, json, body, headers } = asked;
  const sent = new Headers(headers);
  if (as !== '' && !sent.has('authorization')) sent.set('authorization', basic(as));
  if (json !== undefined) sent.set('content-type', 'application/json');
  const content = form ? new URLSearchParams(form) : json !== undefined ? JSON.stringify(json) : body;
  const response = await fetch(url + path, {
    method,
    headers: sent,
    ...(content === undefined ? {} : { body: content }),
  });
  const text = await response.text();
  conforms(method, path, { status: response.status, headers: response.headers, text });
  const isError = response.status >= 400 && text !== '';
  return {
    status: response.status,
    reason: response.statusText,
    headers: response.headers,
    text,
    code: response.headers.get('x-error-code') ?? response.status,
    messages: isError ? JSON.parse(text).message : [],
  };
}

/** Nodes n1, N1-alias (the same libvirtd), n2, and `silent`, whose address nobody listens at. */
export async function startSite(settings: Record<string, unknown> = {}): Promise<Site> {
  const directory = await mkdtemp(join(tmpdir(), 'pdisk-contract-'));
  const n1 = await startFakeLibvirtd({ unix: join(directory, 'n1') });
  const n2 = await startFakeLibvirtd({ unix: join(directory, 'n2') });
  const service = await startService({
    nodes: { n1: n1.uri, 'n1-alias.example': n1.uri, n2: n2.uri, silent: 'qemu+tcp://127.0.0.1:1/system' },
    ...settings,
  });
  await service.account('alice', 'user');
  await service.account('bob', 'user');
  await service.account('cloud', 'service');
  let vms = 0;
  const asks = (method: string, path: string, asked?: Asked) => ask(service.url, method, path, asked);

  return {
    service,
    n1,
    n2,
    ask: asks,
    raw: (bytes, enough) => sendRaw(Number(new URL(service.url).port), bytes, enough),
    async create(as = 'admin', visibility = 'private', sizeGiB = 1) {
      const form = { size: String(sizeGiB), tag: 'a disk', visibility };
      const { status, text } = await asks('POST', '/api/create', { as, form });
      if (status !== 201) throw new Error(`create answered ${status} ${text}`);
      return JSON.parse(text).uuid;
    },
    addVm(node = 'n1', more = {}) {
      vms += 1;
      (node === 'n1' ? n1 : n2).addDomain({ name: `one-${vms}`, ...more });
      return String(vms);
    },
    async end() {
      await service.remove();
      await Promise.all([n1.stop(), n2.stop()]);
      await rm(directory, { recursive: true, force: true });
    },
  };
}

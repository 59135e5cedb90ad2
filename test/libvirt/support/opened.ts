import type { ExecutionContext } from 'ava';
import { type ClientOptions, type LibvirtClient, openClient } from '../../../src/libvirt/client.ts';
import {
  type FakeLibvirtd,
  type FakeLibvirtdOptions,
  startFakeLibvirtd,
} from '../../../testkit/fakes/libvirtd.ts';

/** A fake on a free TCP port, stopped after the test. */
export async function fakeFor(
  t: ExecutionContext,
  options: FakeLibvirtdOptions = { tcp: 0 },
): Promise<FakeLibvirtd> {
  const fake = await startFakeLibvirtd({ ...(options.unix === undefined ? { tcp: 0 } : {}), ...options });
  t.teardown(() => fake.stop());
  return fake;
}

/** A fake and one client of it, both ended after the test. */
export async function opened(
  t: ExecutionContext,
  options: { fake?: FakeLibvirtdOptions; client?: ClientOptions } = {},
): Promise<{ fake: FakeLibvirtd; client: LibvirtClient }> {
  const fake = await fakeFor(t, options.fake);
  const client = await openClient(fake.uri, options.client);
  t.teardown(() => client.close());
  return { fake, client };
}

/** Waits for `call` to fail, and checks its error and `outcomeUnknown`. */
export async function fails(
  t: ExecutionContext,
  call: Promise<unknown>,
  expected: { name?: string; outcomeUnknown: boolean },
): Promise<void> {
  const error = await t.throwsAsync(call);
  t.like(error, expected);
}

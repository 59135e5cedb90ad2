import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { startFakeLibvirtd } from '../../../testkit/fakes/libvirtd.ts';
import { startService } from '../../../testkit/service.ts';

/** The real service with one fake node `n1` and its running VMs 1 to 3; all of it ends with the test. */
export async function startSite(t: ExecutionContext, settings: Record<string, unknown> = {}) {
  const directory = await mkdtemp(join(tmpdir(), 'pdisk-inspect-'));
  const n1 = await startFakeLibvirtd({ unix: join(directory, 'n1') });
  for (const id of [1, 2, 3]) n1.addDomain({ name: `one-${id}` });
  const service = await startService({ nodes: { n1: n1.uri }, ...settings });
  t.teardown(async () => {
    await service.remove();
    await n1.stop();
    await rm(directory, { recursive: true, force: true });
  });
  return {
    service,
    n1,
    hotattach: (uuid: string, vm_id: string, as?: string) =>
      service.call('POST', `/api/hotattach/${uuid}`, { form: { node: 'n1', vm_id }, ...(as ? { as } : {}) }),
    hotdetach: (uuid: string, vm_id: string) =>
      service.call('POST', `/api/hotdetach/${uuid}`, { form: { node: 'n1', vm_id } }),
  };
}

/** The transitions of a text in Mermaid, as its lines. */
export const linesOf = (mermaid: string): string[] =>
  [...mermaid.matchAll(/^ {2}\w+ --> \w+ : .*$/gm)].map(([line]) => line.trim()).sort();

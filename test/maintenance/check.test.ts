// `pdiskd check`, with the real service and its commands as processes.
import { chmod, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import test from 'ava';
import { Level } from 'level';
import { runCommand } from '../../testkit/command.ts';
import { startService } from '../../testkit/service.ts';

test('check finds nothing, warnings or failures, and its exit status tells them apart', async t => {
  const service = await startService({ nodes: {} });
  t.teardown(() => service.remove());
  const data = dirname(service.pool);
  const [kept, other] = [await service.create(), await service.create()];
  const found = async () => {
    const { status, stdout, stderr } = await runCommand(service, ['check']);
    return { status, text: stdout + stderr };
  };

  t.deepEqual(await found(), { status: 0, text: 'nothing was found\n' });
  await service.stop();
  t.deepEqual(await found(), { status: 0, text: 'nothing was found\n' });

  await chmod(join(data, 'head'), 0o644);
  const leftover = '0b7f7a52-9f0e-4a51-8d34-1f6d2b6d6b11';
  await writeFile(join(service.pool, `${leftover}.raw`), 'x');
  const warned = await found();
  t.is(warned.status, 1, warned.text);
  t.regex(warned.text, /head is open to others \(mode 644\)/);
  t.regex(warned.text, new RegExp(`the volume ${leftover} belongs to no disk`));
  await chmod(join(data, 'head'), 0o600);
  await rm(join(service.pool, `${leftover}.raw`));

  await rename(join(service.pool, `${kept}.raw`), join(service.pool, 'away'));
  const lost = await found();
  t.is(lost.status, 2, lost.text);
  t.regex(lost.text, new RegExp(`the disk ${kept} of 'admin' has no volume`));
  await rename(join(service.pool, 'away'), join(service.pool, `${kept}.raw`));

  const db = new Level<string, Record<string, unknown>>(join(data, 'db'), { valueEncoding: 'json' });
  const record = await db.get(`disk/${other}`);
  const context = { ...(record?.context as object), users: [{ attachment: 'nobody', mode: 'cold' }] };
  await db.put(`disk/${other}`, { ...record, context });
  await db.put(`disk/${kept}`, { v: 2, state: 'nowhere' });
  await db.close();
  const broken = await found();
  t.is(broken.status, 2, broken.text);
  t.regex(broken.text, new RegExp(`the record disk/${kept} in .* is damaged`));
  t.regex(broken.text, new RegExp(`the disk ${other} has the user nobody, which is no attachment of it`));

  const settings = join(dirname(data), 'pdisk.yaml');
  await writeFile(settings, `${await readFile(settings, 'utf8')}\nno_such_setting: 1\n`);
  const wrong = await found();
  t.is(wrong.status, 2);
  t.regex(wrong.text, /no_such_setting/);
});

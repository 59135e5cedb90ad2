import { readFileSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { openFilePool } from '../../src/storage/file.ts';
import { checkQemuAccess } from '../../src/storage/qemu-access.ts';

const canTell = process.getuid?.() === 0 && /^libvirt-qemu:/m.test(readFileSync('/etc/passwd', 'utf8'));

(canTell ? test : test.skip)('the warning names the closed directory on the path and what to do', async t => {
  const parent = await mkdtemp(join(tmpdir(), 'pdisk-reach-'));
  t.teardown(() => rm(parent, { recursive: true }));
  const directory = join(parent, 'data', 'pool');
  await chmod(parent, 0o755);
  await mkdir(join(parent, 'data'), { mode: 0o700 });
  const warnings: string[] = [];
  await openFilePool({
    directory,
    overcommit: 1,
    owner: 'tests',
    log: { warn: sentence => warnings.push(sentence) },
  });
  t.is(warnings.length, 1);
  t.true(warnings[0]?.includes(`setfacl -m u:libvirt-qemu:x ${parent}/data'`), warnings[0]);

  // The warning does not recommend to open the directory for all users.
  t.false(warnings[0]?.includes('chmod'));
  t.is(await checkQemuAccess(directory, false), warnings[0], 'without root, too');

  await chmod(join(parent, 'data'), 0o711);
  t.is(await checkQemuAccess(directory), undefined);
  t.is(await checkQemuAccess(directory, false), undefined);
  // The group bits may be the mask of an ACL.
  await chmod(join(parent, 'data'), 0o710);
  t.is(await checkQemuAccess(directory, false), undefined);
});

// libvirtd (root) hands an image to QEMU's user when it plugs it in (dynamic_ownership of qemu.conf, on by default), but
// QEMU itself opens it, by path and as that user: it needs search permission on every directory on the way. chown helps with
// the file only, and the file's own mode 0600 is no obstacle. Permission bits alone do not tell (ACLs), so the kernel is
// asked, by a process that is that user. Only root can have one; others see no more than what no ACL can give.
import { execFile } from 'node:child_process';
import { readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

const QEMU_CONF = '/etc/libvirt/qemu.conf';
/** Debian's and Fedora's name for the user QEMU runs as. */
const USUAL_USERS = ['libvirt-qemu', 'qemu'];

interface Account {
  readonly name: string;
  readonly uid: string;
  readonly gid: string;
}

/** The account that libvirt's QEMUs run as on this machine, if it has one. */
async function qemuUser(): Promise<Account | undefined> {
  const conf = await readFile(QEMU_CONF, 'utf8').catch(() => '');
  // A name, or a number with or without a plus sign in front.
  const set = /^\s*user\s*=\s*"\+?([^"]+)"/m.exec(conf)?.[1];
  const names = set === undefined ? USUAL_USERS : [set];
  const passwd = await readFile('/etc/passwd', 'utf8').catch(() => '');
  for (const line of passwd.split('\n')) {
    const [name, , uid, gid] = line.split(':');
    if (!name || !uid || !gid) continue;
    if (names.includes(name) || names.includes(uid)) return { name, uid, gid };
  }
  return undefined;
}

function withParents(directory: string): string[] {
  const parent = dirname(directory);
  return parent === directory ? [directory] : [...withParents(parent), directory];
}

/** The first of `directories` that `user` may not search; undefined also where that cannot be found out. */
function firstClosed(user: Account, directories: readonly string[]): Promise<string | undefined> {
  const script = 'for d; do [ -x "$d" ] || { printf %s "$d"; exit; }; done';
  const become = [`--reuid=${user.uid}`, `--regid=${user.gid}`, '--init-groups'];
  return new Promise(done => {
    execFile('/usr/bin/setpriv', [...become, 'sh', '-c', script, 'sh', ...directories], (error, stdout) =>
      done(error || stdout === '' ? undefined : stdout),
    );
  });
}

/** Of `directories` the first that is closed to everybody but its owner: an ACL for a user is masked by the group's bits (acl(5)). */
async function firstShut(user: Account, directories: readonly string[]): Promise<string | undefined> {
  for (const directory of directories) {
    const { mode, uid } = await stat(directory);
    if ((mode & 0o011) === 0 && String(uid) !== user.uid) return directory;
  }
  return undefined;
}

/**
 * Whether libvirt's QEMU could open images in `directory` (absolute): undefined if it can or if that cannot be told (there is no such
 * user), else a sentence that says what to do.
 */
export async function checkQemuAccess(
  directory: string,
  isRoot = process.getuid?.() === 0,
): Promise<string | undefined> {
  const user = await qemuUser();
  if (user === undefined || user.uid === '0') return undefined;
  const closed = await (isRoot ? firstClosed : firstShut)(user, withParents(directory));
  if (closed === undefined) return undefined;
  return (
    `libvirt runs QEMU as the user '${user.name}', who may not pass through ${closed} and so can open no image in ` +
    `${directory}: run 'setfacl -m u:${user.name}:x ${closed}' (Debian's package acl), or put the pool where ` +
    `everybody may pass, for example 'pool: file:/var/lib/pdisk'`
  );
}

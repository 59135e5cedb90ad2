// When libvirtd (root) plugs an image, it makes QEMU's user its owner (dynamic_ownership in qemu.conf, on by
// default), so the file's mode 0600 is no obstacle. But QEMU opens the image by path as that user, and needs
// search permission on every directory of the path. Permission bits do not tell all because of ACLs, so a
// process with that user's id asks the kernel. Only root can start such a process; without root, only
// directories that no ACL can open are found.
import { execFile } from 'node:child_process';
import { readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

const QEMU_CONF = '/etc/libvirt/qemu.conf';
/** The user that QEMU runs as on Debian and on Fedora. */
const USUAL_USERS = ['libvirt-qemu', 'qemu'];

interface Account {
  readonly name: string;
  readonly uid: string;
  readonly gid: string;
}

/** The account that libvirt's QEMU runs as on this host; undefined if there is none. */
async function qemuUser(): Promise<Account | undefined> {
  const conf = await readFile(QEMU_CONF, 'utf8').catch(() => '');
  // A name, or a numeric id with or without a plus sign.
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

/** The first of `directories` that `user` may not search; undefined if there is none or unknown. */
function firstClosed(user: Account, directories: readonly string[]): Promise<string | undefined> {
  const script = 'for d; do [ -x "$d" ] || { printf %s "$d"; exit; }; done';
  const become = [`--reuid=${user.uid}`, `--regid=${user.gid}`, '--init-groups'];
  return new Promise(done => {
    execFile('/usr/bin/setpriv', [...become, 'sh', '-c', script, 'sh', ...directories], (error, stdout) =>
      done(error || stdout === '' ? undefined : stdout),
    );
  });
}

/**
 * The first of `directories` that only its owner can search. An ACL cannot change that: the group bits are
 * the mask of every ACL entry for a user (acl(5)).
 */
async function firstShut(user: Account, directories: readonly string[]): Promise<string | undefined> {
  for (const directory of directories) {
    const { mode, uid } = await stat(directory);
    if ((mode & 0o011) === 0 && String(uid) !== user.uid) return directory;
  }
  return undefined;
}

/**
 * Checks whether libvirt's QEMU could open images in `directory` (an absolute path). Returns a sentence that
 * says what to do, or undefined if QEMU can open them or if that cannot be determined.
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

// The file that `authfile=` names, in the format of libvirt's own clients
// (https://libvirt.org/auth.html#client-configuration): [credentials-NAME] with authname and password, and
// [auth-libvirt-HOST] or [auth-libvirt-default] with the NAME of credentials.
import { readFile, stat } from 'node:fs/promises';
import { TransportError } from './errors.ts';

/** A name and its password. */
export interface Login {
  readonly user: string;
  readonly password: string;
}

const OTHERS = 0o077;

type Sections = ReadonlyMap<string, ReadonlyMap<string, string>>;

function sectionsIn(text: string): Sections {
  const sections = new Map<string, Map<string, string>>();
  let current = new Map<string, string>();
  for (const line of text.split(/\r?\n/).map(one => one.trim())) {
    const name = /^\[(.+)\]$/.exec(line)?.[1];
    const [, key, value = ''] = /^([^#=\s][^=]*?)\s*=\s*(.*)$/.exec(line) ?? [];
    if (name !== undefined) {
      current = new Map();
      sections.set(name, current);
    } else if (key !== undefined) current.set(key, value);
  }
  return sections;
}

/**
 * The login for a host. Rejects with a TransportError that names the file: it cannot be read, others than its
 * owner can read it, or it has no login for the host.
 */
export async function loginFor(file: string, host: string): Promise<Login> {
  let text: string;
  try {
    const { mode } = await stat(file);
    if ((mode & OTHERS) !== 0)
      throw new TransportError(`authfile ${file} is open to others than its owner: chmod 600 it`);
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof TransportError) throw error;
    throw new TransportError(`authfile ${file} cannot be read: ${String(error)}`, { cause: error });
  }
  const sections = sectionsIn(text);
  const choice = sections.get(`auth-libvirt-${host}`) ?? sections.get('auth-libvirt-default');
  const login = sections.get(`credentials-${choice?.get('credentials')}`);
  const [user, password] = [login?.get('authname') ?? login?.get('username'), login?.get('password')];
  if (user === undefined || password === undefined) {
    throw new TransportError(
      `authfile ${file} has no login for ${host}: it needs [auth-libvirt-${host}] or [auth-libvirt-default] with credentials=NAME, and [credentials-NAME] with authname and password`,
    );
  }
  return { user, password };
}

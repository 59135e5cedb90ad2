// The certificates of a client, in the places and under the names that libvirt's own client uses
// (https://libvirt.org/kbase/tlscerts.html). They are read for each connection, so that renewed files are
// used without a restart.
import { X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { createSecureContext } from 'node:tls';
import { TransportError } from '../errors.ts';

/** The paths of PEM files. */
export interface TlsFiles {
  /** The certificates of the authorities that sign the certificates of hosts. */
  readonly ca: string;
  /** The client's certificate and its key. */
  readonly cert: string;
  readonly key: string;
  /** Certificates that were revoked; used if the file exists. */
  readonly crl: string;
}

/** What a client shows and what it trusts. */
export interface Credentials {
  readonly files: TlsFiles;
  readonly ca: Buffer;
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly crl: Buffer | undefined;
  /** When the client's certificate expires, in milliseconds since 1970. */
  readonly expiresAt: number;
  /** Whether everybody on this host can read the key. */
  readonly isOpen: boolean;
}

const READABLE_BY_ALL = 0o004;

/**
 * The files for a `pkipath`; without one, for each file, that of a user other than root if it exists, or that
 * of the system.
 */
function tlsFiles(pkiPath: string | undefined): TlsFiles {
  const own = join(homedir(), '.pki', 'libvirt');
  const isUser = process.getuid?.() !== 0;
  const place = (name: string, system: string): string => {
    if (pkiPath !== undefined) return join(pkiPath, name);
    return isUser && existsSync(join(own, name)) ? join(own, name) : system;
  };
  return {
    ca: place('cacert.pem', '/etc/pki/CA/cacert.pem'),
    crl: place('cacrl.pem', '/etc/pki/CA/cacrl.pem'),
    cert: place('clientcert.pem', '/etc/pki/libvirt/clientcert.pem'),
    key: place('clientkey.pem', '/etc/pki/libvirt/private/clientkey.pem'),
  };
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

async function read(what: string, file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    throw new TransportError(`${what} ${file} cannot be read: ${messageOf(error)}`, { cause: error });
  }
}

/** The client's certificate. Throws a TransportError that names the file, if it has expired, too. */
function checkedCertificate(file: string, pem: Buffer): X509Certificate {
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(pem);
  } catch (error) {
    throw new TransportError(`the client certificate ${file} is no certificate: ${messageOf(error)}`, {
      cause: error,
    });
  }
  const { validFrom, validTo } = certificate;
  if (Date.parse(validTo) < Date.now())
    throw new TransportError(`the client certificate ${file} expired on ${validTo}`);
  if (Date.parse(validFrom) > Date.now())
    throw new TransportError(`the client certificate ${file} is not valid before ${validFrom}`);
  return certificate;
}

/** Reads and checks the files. Rejects with a TransportError that names the file and says what is wrong. */
export async function readCredentials(pkiPath: string | undefined): Promise<Credentials> {
  const files = tlsFiles(pkiPath);
  const [ca, cert, key] = await Promise.all([
    read('the CA certificate', files.ca),
    read('the client certificate', files.cert),
    read('the client key', files.key),
  ]);
  const crl = existsSync(files.crl) ? await read('the list of revoked certificates', files.crl) : undefined;
  const certificate = checkedCertificate(files.cert, cert);
  const attempt = (what: string, options: Parameters<typeof createSecureContext>[0]): void => {
    try {
      createSecureContext(options);
    } catch (error) {
      throw new TransportError(`${what} cannot be used: ${messageOf(error)}`, { cause: error });
    }
  };
  attempt(`the client certificate ${files.cert} with the key ${files.key}`, { cert, key });
  // createSecureContext takes a text without any certificate in silence.
  if (!ca.includes('-----BEGIN')) throw new TransportError(`the CA certificate ${files.ca} is no PEM file`);
  attempt(`the CA certificate ${files.ca}`, { ca });
  if (crl) attempt(`the list of revoked certificates ${files.crl}`, { crl });
  const { mode } = await stat(files.key);
  return {
    files,
    ca,
    cert,
    key,
    crl,
    expiresAt: Date.parse(certificate.validTo),
    isOpen: (mode & READABLE_BY_ALL) !== 0,
  };
}

// Certificates for tests of TLS, made by openssl.
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** What a certificate says. */
export interface CertificateOptions {
  /** Its common name. */
  readonly name: string;
  /** Its subject alternative names, as `IP:127.0.0.1`; default none. */
  readonly altNames?: readonly string[];
  /** How long it is valid; negative: it has expired. Default 2 days. */
  readonly days?: number;
}

/** A certificate authority in a folder of its own. */
export interface Pki {
  /** The path of the CA's certificate. */
  readonly ca: string;
  /**
   * Makes a server's certificate, `server-cert.pem` and `server-key.pem`, in a new folder; returns the
   * folder.
   */
  server(options: CertificateOptions): Promise<string>;
  /** Makes a folder for `pkipath`, with the client's certificate and the CA's; returns it. */
  client(options: CertificateOptions): Promise<string>;
  remove(): Promise<void>;
}

const newKey = (file: string): string[] => [
  ...['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
  ...['-keyout', file],
];

/** Makes a certificate authority (about 50 ms); each certificate takes as long again. */
export async function makePki(): Promise<Pki> {
  const dir = await mkdtemp(join(tmpdir(), 'pdisk-pki-'));
  const [ca, caKey] = [join(dir, 'ca.pem'), join(dir, 'ca.key')];
  const subject = (name: string): string[] => ['-subj', `/O=site/CN=${name}`];
  const validity = ['-days', '3', '-out', ca];
  await execute('openssl', ['req', '-x509', ...newKey(caKey), ...validity, ...subject('test CA')]);
  let count = 0;

  async function sign(
    role: 'server' | 'client',
    { name, altNames = [], days = 2 }: CertificateOptions,
  ): Promise<string> {
    count += 1;
    count += 1;
    const serial = String(count);
    const folder = join(dir, `${role}-${serial}`);
    await mkdir(folder);
    const [key, request, cert] = ['key.pem', 'csr.pem', 'cert.pem'].map(file => join(folder, file));
    const extensions = join(folder, 'ext');
    const names = altNames.length > 0 ? `subjectAltName = ${altNames.join(', ')}\n` : '';
    await writeFile(extensions, `basicConstraints = CA:FALSE\nextendedKeyUsage = ${role}Auth\n${names}`);
    await execute('openssl', ['req', '-new', ...newKey(key ?? ''), ...subject(name), '-out', request ?? '']);
    await execute('openssl', [
      ...['x509', '-req', '-in', request ?? '', '-CA', ca, '-CAkey', caKey],
      // Not -CAcreateserial: two certificates that are made at once would write one file.
      ...['-set_serial', serial],
      ...['-days', String(days), '-extfile', extensions, '-out', cert ?? ''],
    ]);
    const prefix = role === 'client' ? 'client' : 'server-';
    await rename(cert ?? '', join(folder, `${prefix}cert.pem`));
    await rename(key ?? '', join(folder, `${prefix}key.pem`));
    await execute('cp', [ca, join(folder, 'cacert.pem')]);
    return folder;
  }

  return {
    ca,
    server: options => sign('server', options),
    client: options => sign('client', options),
    remove: () => rm(dir, { recursive: true, force: true }),
  };
}

import { readCredentials } from './transports/tls-files.ts';
import { parseUri } from './uri.ts';

/** The certificate that this client shows to a daemon. */
export interface ClientCertificate {
  readonly file: string;
  /** When it expires, in milliseconds since 1970. */
  readonly expiresAt: number;
  readonly keyFile: string;
  /** Whether everybody on this host can read the key. */
  readonly isKeyOpen: boolean;
}

/**
 * The client certificate for a URI, as it is on disk now; undefined if its transport is not TLS. Rejects with
 * a TransportError for files that cannot be used, or Unsupported.
 */
export async function clientCertificate(uri: string): Promise<ClientCertificate | undefined> {
  const { transport, pkiPath } = parseUri(uri);
  if (transport !== 'tls') return undefined;
  const { files, expiresAt, isOpen } = await readCredentials(pkiPath);
  return { file: files.cert, expiresAt, keyFile: files.key, isKeyOpen: isOpen };
}

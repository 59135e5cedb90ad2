// libvirt's TLS transport. After the handshake libvirtd checks the client's certificate and sends one byte,
// 1, if it accepts it; a client that it refuses sees the connection end and nothing else. With TLS 1.3 a
// refusal by the TLS library arrives after the handshake, too, as an alert.
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect, type TLSSocket } from 'node:tls';
import { TransportError } from '../errors.ts';
import type { Target } from '../uri.ts';
import { type Credentials, readCredentials, type TlsFiles } from './tls-files.ts';
import { whenConnected } from './when-connected.ts';

const ACCEPTED = 1;

/** What OpenSSL's and Node's errors of a handshake mean here; other errors are returned as they are. */
function explained(error: Error, host: string, files: TlsFiles): Error {
  const code = 'code' in error ? String(error.code) : '';
  const because = (sentence: string): TransportError => new TransportError(sentence, { cause: error });
  if (code.startsWith('ERR_SSL_') && code.includes('ALERT')) {
    const reason = 'reason' in error ? String(error.reason) : error.message;
    return because(`${host} refuses the client certificate ${files.cert}: ${reason}`);
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return because(`the certificate that ${host} shows is for another host: ${error.message}`);
  }
  if (code.startsWith('ERR_SSL_')) {
    return because(`no TLS with ${host}, is that libvirtd's port for TLS? ${error.message}`);
  }
  if (code === 'ECONNRESET')
    return because(`${host} ended the connection in the TLS handshake: ${error.message}`);
  // The codes of X.509 verification errors (X509_verify_cert_error_string), as CERT_HAS_EXPIRED.
  if (/CERT|CRL|SIGNATURE|CHAIN|PURPOSE|CA$/.test(code)) {
    return because(
      `the certificate that ${host} shows is not accepted: ${error.message} (verified with the CA ${files.ca})`,
    );
  }
  return error;
}

/** Waits for the byte by which libvirtd accepts the client's certificate. */
function verdict(socket: TLSSocket, host: string, files: TlsFiles, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (error?: Error): void => {
      signal.removeEventListener('abort', onAbort);
      socket.off('readable', onReadable).off('end', onEnd).off('close', onEnd).off('error', settle);
      if (error) reject(error);
      else resolve();
    };
    const onAbort = () =>
      socket.destroy(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
    const onReadable = (): void => {
      // One byte only: what follows it belongs to libvirt's RPC.
      const byte: Buffer | null = socket.read(1);
      if (byte === null) return;
      settle(
        byte[0] === ACCEPTED
          ? undefined
          : new TransportError(`${host} answers the client certificate ${files.cert} with byte ${byte[0]}`),
      );
    };
    const onEnd = (): void =>
      settle(
        new TransportError(
          `${host} refuses the client certificate ${files.cert}: libvirtd ended the connection after the handshake; its log says why (tls_allowed_dn_list, ca_file)`,
        ),
      );
    signal.addEventListener('abort', onAbort, { once: true });
    socket.on('readable', onReadable).on('end', onEnd).on('close', onEnd).on('error', settle);
  });
}

function connectTls({ host, port }: Target, credentials: Credentials): TLSSocket {
  const { ca, cert, key, crl } = credentials;
  return connect({
    host,
    port,
    ca,
    cert,
    key,
    ...(crl ? { crl } : {}),
    ...(isIP(host) === 0 ? { servername: host } : {}),
    minVersion: 'TLSv1.2',
    // Explicitly, because NODE_TLS_REJECT_UNAUTHORIZED changes the default.
    rejectUnauthorized: true,
  });
}

/**
 * Connects by TLS with the client's certificate; both sides are verified. Rejects with a TransportError that
 * names the file or the side that refused, with the system's error, or with the reason of `signal`.
 */
export async function dialTls(target: Target, signal: AbortSignal): Promise<Duplex> {
  const { host, pkiPath } = target;
  const credentials = await readCredentials(pkiPath);
  signal.throwIfAborted();
  const socket = connectTls(target, credentials);
  try {
    socket.setNoDelay(true);
    await whenConnected(socket, 'secureConnect', signal);
    await verdict(socket, host, credentials.files, signal);
    return socket;
  } catch (error) {
    // An error after this one would end the process.
    socket.on('error', () => undefined).destroy();
    throw error instanceof Error && !signal.aborted ? explained(error, host, credentials.files) : error;
  }
}

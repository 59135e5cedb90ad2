import { loginFor } from './auth-file.ts';
import type { Connection } from './connection.ts';
import { LibvirtError, TransportError, Unsupported } from './errors.ts';
import { procedures } from './procedures.ts';
import { MECHANISM, scram } from './scram.ts';
import type { Target } from './uri.ts';

const AUTH_NONE = 0;
const AUTH_SASL = 1;
const AUTH_POLKIT = 2;

const SASL_TRANSPORTS =
  'authfile= in the URI of a unix, tls or ssh transport names a file with name and password';

/** Cyrus SASL ends texts with a NUL byte. */
const textOf = (data: Buffer): string => data.toString('utf8').replace(/\0$/, '');

async function authenticateBySasl(connection: Connection, { authFile, host }: Target): Promise<void> {
  if (authFile === undefined)
    throw new Unsupported(`libvirt asks for SASL authentication: ${SASL_TRANSPORTS}`);
  const { user, password } = await loginFor(authFile, host);
  const { text: offered } = await connection.call(procedures.authSaslInit, undefined);
  if (!offered.split(/[,\s]+/).includes(MECHANISM)) {
    throw new Unsupported(`libvirt offers ${offered || 'nothing'} for SASL; ${MECHANISM} is supported`);
  }
  const exchange = scram(user, password);
  try {
    const first = { nil: 0, data: Buffer.from(exchange.first) };
    const begun = await connection.call(procedures.authSaslStart, { mechanism: MECHANISM, ...first });
    const final = Buffer.from(await exchange.answer(textOf(begun.data)));
    const ended = await connection.call(procedures.authSaslStep, { nil: 0, data: final });
    exchange.verify(textOf(ended.data));
    if (ended.complete === 1) return;
    const last = await connection.call(procedures.authSaslStep, { nil: 1, data: Buffer.alloc(0) });
    if (last.complete !== 1) throw new TransportError('libvirt does not end the authentication by SASL');
  } catch (error) {
    if (!(error instanceof LibvirtError)) throw error;
    throw new TransportError(`libvirt on ${host} refuses ${user} of authfile ${authFile}: ${error.message}`, {
      cause: error,
    });
  }
}

/**
 * Authenticates by what the daemon asks for. Rejects with Unsupported for what is not supported, with a
 * TransportError if it refuses or the file with the password cannot be used, or as `Connection.call` does.
 */
export async function authenticate(connection: Connection, target: Target): Promise<void> {
  // This call is always made: a server that uses polkit refuses every other call before it.
  const { types } = await connection.call(procedures.authList, undefined);
  if (types.length === 0 || types.includes(AUTH_NONE)) return;
  if (types.includes(AUTH_SASL)) return await authenticateBySasl(connection, target);
  if (!types.includes(AUTH_POLKIT)) {
    throw new Unsupported(
      `libvirt asks for authentication of type ${types.join()}; SASL and polkit are supported`,
    );
  }
  await connection.call(procedures.authPolkit, undefined);
}

// SCRAM-SHA-256 (RFC 5802, RFC 7677) without channel binding, as Cyrus SASL's server speaks it. The password
// does not cross the network, and the server proves that it knows it, too.
import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { TransportError } from './errors.ts';

const deriveKey = promisify(pbkdf2);

/** The name of the mechanism in the server's list. */
export const MECHANISM = 'SCRAM-SHA-256';
/** The least of RFC 7677, and a limit for the time that a hostile server can cost. */
const [LEAST_ROUNDS, MOST_ROUNDS] = [4096, 1_000_000];
const KEY_BYTES = 32;
/** "n,," in base64: no channel binding. */
const HEADER = 'biws';

/** Preparing other text (SASLprep, RFC 4013) is not implemented. */
const PLAIN = /^[\x20-\x7e]+$/;

/** One authentication, step by step. */
export interface Scram {
  /** The client's first message. */
  readonly first: string;
  /** The client's final message for the server's first one. Rejects with a TransportError. */
  answer(serverFirst: string): Promise<string>;
  /** Throws a TransportError if the server's final message does not prove that it knows the password. */
  verify(serverFinal: string): void;
}

const hmac = (key: Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();

/** Begins an authentication. Throws a TransportError for a name or a password that is not printable ASCII. */
export function scram(user: string, password: string, nonce = randomBytes(18).toString('base64')): Scram {
  if (!PLAIN.test(user) || !PLAIN.test(password))
    throw new TransportError('the name and the password for SASL must be printable ASCII');
  const bare = `n=${user.replaceAll('=', '=3D').replaceAll(',', '=2C')},r=${nonce}`;
  let expected: Buffer | undefined;
  return {
    first: `n,,${bare}`,
    async answer(serverFirst) {
      const [, both = '', salt = '', rounds] = /^r=([^,]+),s=([^,]+),i=(\d+)/.exec(serverFirst) ?? [];
      const count = Number(rounds);
      if (!both.startsWith(nonce) || both === nonce || !(count >= LEAST_ROUNDS && count <= MOST_ROUNDS))
        throw new TransportError(`the server's first message of ${MECHANISM} is not acceptable`);
      const salted = await deriveKey(password, Buffer.from(salt, 'base64'), count, KEY_BYTES, 'sha256');
      const final = `c=${HEADER},r=${both}`;
      const messages = `${bare},${serverFirst},${final}`;
      const clientKey = hmac(salted, 'Client Key');
      const signature = hmac(createHash('sha256').update(clientKey).digest(), messages);
      const proof = clientKey.map((byte, index) => byte ^ (signature[index] ?? 0));
      expected = hmac(hmac(salted, 'Server Key'), messages);
      return `${final},p=${Buffer.from(proof).toString('base64')}`;
    },
    verify(serverFinal) {
      const given = Buffer.from(/^v=([^,]+)/.exec(serverFinal)?.[1] ?? '', 'base64');
      if (expected?.length !== given.length || !timingSafeEqual(expected, given))
        throw new TransportError('the server does not prove that it knows the password for SASL');
    },
  };
}

import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import type { PasswordHash } from './record.ts';

/** RFC 7914's N, r and p. */
export interface HashCost {
  readonly cost: number;
  readonly blockSize: number;
  readonly parallelization: number;
}

/** 32 MiB and about 80 ms of one core. */
export const defaultCost: HashCost = { cost: 2 ** 15, blockSize: 8, parallelization: 1 };

const SALT_BYTES = 16;
const HASH_BYTES = 32;

function derive(password: string, salt: Buffer, length: number, by: HashCost): Promise<Buffer> {
  const { cost, blockSize, parallelization } = by;
  // What OpenSSL counts. Node's default is 32 MiB, just too little for 2^15 and 8.
  const maxmem = 128 * blockSize * (cost + parallelization + 2);
  return new Promise((resolve, reject) => {
    scrypt(password, salt, length, { cost, blockSize, parallelization, maxmem }, (error, key) =>
      error ? reject(error) : resolve(key),
    );
  });
}

/** Hashes a password under a fresh salt. */
export async function hashPassword(password: string, by: HashCost): Promise<PasswordHash> {
  const salt = randomBytes(SALT_BYTES);
  const hash = await derive(password, salt, HASH_BYTES, by);
  return { algorithm: 'scrypt', ...by, salt: salt.toString('base64'), hash: hash.toString('base64') };
}

/** Whether a password is the hashed one; compares in constant time. */
export async function matchesPassword(password: string, kept: PasswordHash): Promise<boolean> {
  const expected = Buffer.from(kept.hash, 'base64');
  const found = await derive(password, Buffer.from(kept.salt, 'base64'), expected.length, kept);
  return timingSafeEqual(found, expected);
}

/** A hash that no password has: whoever tries an account that does not exist waits as long as for one that does. */
export function impossibleHash(by: HashCost): PasswordHash {
  return {
    algorithm: 'scrypt',
    ...by,
    salt: randomBytes(SALT_BYTES).toString('base64'),
    hash: randomBytes(HASH_BYTES).toString('base64'),
  };
}

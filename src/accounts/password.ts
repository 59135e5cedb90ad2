import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import type { PasswordHash } from './record.ts';

/** The parameters N, r and p of scrypt (RFC 7914). */
export interface HashCost {
  readonly cost: number;
  readonly blockSize: number;
  readonly parallelization: number;
}

/** 32 MiB of memory and about 80 ms of one core. */
export const defaultCost: HashCost = { cost: 2 ** 15, blockSize: 8, parallelization: 1 };

const SALT_BYTES = 16;
const HASH_BYTES = 32;

function derive(password: string, salt: Buffer, length: number, by: HashCost): Promise<Buffer> {
  const { cost, blockSize, parallelization } = by;
  // The memory that OpenSSL calculates. Node's default limit is 32 MiB, just too little for N = 2^15 and r =
  // 8.
  const maxmem = 128 * blockSize * (cost + parallelization + 2);
  return new Promise((resolve, reject) => {
    scrypt(password, salt, length, { cost, blockSize, parallelization, maxmem }, (error, key) =>
      error ? reject(error) : resolve(key),
    );
  });
}

/** Hashes a password with a random salt. */
export async function hashPassword(password: string, by: HashCost): Promise<PasswordHash> {
  const salt = randomBytes(SALT_BYTES);
  const hash = await derive(password, salt, HASH_BYTES, by);
  return { algorithm: 'scrypt', ...by, salt: salt.toString('base64'), hash: hash.toString('base64') };
}

/** Whether the password has this hash; compares in constant time. */
export async function matchesPassword(password: string, stored: PasswordHash): Promise<boolean> {
  const expected = Buffer.from(stored.hash, 'base64');
  const found = await derive(password, Buffer.from(stored.salt, 'base64'), expected.length, stored);
  return timingSafeEqual(found, expected);
}

/**
 * A hash that no password has: a login to an account that does not exist must take as long as one to an
 * account that does.
 */
export function impossibleHash(by: HashCost): PasswordHash {
  return {
    algorithm: 'scrypt',
    ...by,
    salt: randomBytes(SALT_BYTES).toString('base64'),
    hash: randomBytes(HASH_BYTES).toString('base64'),
  };
}

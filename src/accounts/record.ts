import { z } from 'zod';

/** Account names. `me` is kept free: URLs use it for whoever asks. */
export const accountName = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9._-]{0,63}$/,
    'an account name is 1 to 64 of a-z, 0-9, dot, underscore and hyphen, and begins with a letter or digit',
  )
  .refine(name => name !== 'me', "the account name 'me' is reserved");

export const accountRole = z.enum(['user', 'service', 'admin'], 'role must be user, service or admin');

/** What a password was hashed with: the names and bounds of RFC 7914, so that a record outlives a change of our choice. */
export const passwordHash = z.object({
  algorithm: z.literal('scrypt'),
  cost: z.number().int().positive(),
  blockSize: z.number().int().positive(),
  parallelization: z.number().int().positive(),
  salt: z.base64(),
  hash: z.base64(),
});

/** An account as the store keeps it. A renamed field needs a new `v` and a migration here. */
export const accountRecord = z.object({
  v: z.literal(1),
  name: accountName,
  /** Tells it from accounts that had its name before; those from before there were ids have none. */
  id: z.string().optional(),
  role: accountRole,
  password: passwordHash,
  /** What the account may have, where that is not what the configuration says. */
  quota: z.object({ disks: z.int().min(0), sizeGiB: z.int().min(0) }).optional(),
});

/** An API token as the store keeps it: what it is told by is not in it. */
export const tokenRecord = z.object({
  v: z.literal(1),
  id: z.string(),
  account: accountName,
  accountId: z.string().optional(),
  name: z.string(),
  /** SHA-256 of the whole token. */
  hash: z.base64(),
  /** Milliseconds since 1970. */
  created: z.number(),
  expires: z.number(),
});

export type AccountRecord = z.infer<typeof accountRecord>;
export type TokenRecord = z.infer<typeof tokenRecord>;
export type AccountRole = AccountRecord['role'];
export type PasswordHash = AccountRecord['password'];

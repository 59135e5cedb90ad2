import { z } from 'zod';
import { prefixes } from '../store/keys.ts';
import { recordKind } from '../store/record-kind.ts';

/** Account names. `me` is reserved: in URLs it means the caller's own account. */
export const accountName = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9._-]{0,63}$/,
    'an account name is 1 to 64 of a-z, 0-9, dot, underscore and hyphen, and begins with a letter or digit',
  )
  .refine(name => name !== 'me', "the account name 'me' is reserved");

/** `service` is the role of frontends, which act for all users; `admin` may administer accounts as well. */
export const accountRole = z.enum(['user', 'service', 'admin'], 'role must be user, service or admin');

/**
 * A password hash with the parameters of RFC 7914, so that stored hashes stay valid when the defaults change.
 */
export const passwordHash = z.object({
  algorithm: z.literal('scrypt'),
  cost: z.number().int().positive(),
  blockSize: z.number().int().positive(),
  parallelization: z.number().int().positive(),
  salt: z.base64(),
  hash: z.base64(),
});

/** A stored account. */
const accountRecord = z.object({
  v: z.literal(1),
  name: accountName,
  /**
   * Distinguishes the account from earlier ones of the same name; accounts of versions before there were ids
   * have none.
   */
  id: z.string().optional(),
  role: accountRole,
  password: passwordHash,
  /** The account's own quota; absent where the quota of the configuration applies. */
  quota: z.object({ disks: z.int().min(0), sizeGiB: z.int().min(0) }).optional(),
});

/** A stored API token, without its secret. */
const tokenRecord = z.object({
  v: z.literal(1),
  id: z.string(),
  account: accountName,
  accountId: z.string().optional(),
  name: z.string(),
  /** SHA-256 of the whole token, in base64. */
  hash: z.base64(),
  /** Milliseconds since 1970. */
  created: z.number(),
  expires: z.number(),
});

/** The kinds of records that accounts consist of. A renamed field needs a new version and a migration here. */
export const accountKinds = {
  account: recordKind('account', prefixes.account, accountRecord),
  token: recordKind('token', prefixes.token, tokenRecord),
};

export type AccountRecord = z.infer<typeof accountRecord>;
export type TokenRecord = z.infer<typeof tokenRecord>;
export type AccountRole = AccountRecord['role'];
export type PasswordHash = AccountRecord['password'];

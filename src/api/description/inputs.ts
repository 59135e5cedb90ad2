import { z } from 'zod';
import { isFitPassword, PASSWORD_RULE } from '../../accounts/password-rule.ts';
import { accountName, accountRole } from '../../accounts/record.ts';
import { HOST_NAME, isNodeName } from '../../config/node-name.ts';
import { type ErrorCode, PdiskError } from '../../errors.ts';
import type { Fields } from '../http/fields.ts';

const CONTROL = /\p{Cc}/u;

/** In characters, not in UTF-16 units. */
const lengthOf = (text: string): number => [...text].length;

/** A text without control characters, of so many characters. */
const textOf = (minLength: number, maxLength: number) => ({
  minLength,
  maxLength,
  pattern: '^[^\\u0000-\\u001f\\u007f-\\u009f]*$',
});

/** A whole number, or its digits as text, to which the bounds apply as well. */
const numberOf = (minimum: number, maximum: number) => ({
  type: ['integer', 'string'] as const,
  minimum,
  maximum,
  pattern: '^(?:0|[1-9]\\d*)$',
});

/** A number in JSON is taken for its text. */
const TEXT = ['string', 'number'] as const;

// What a schema's own checks cannot say in JSON Schema is said beside them. A `pattern` holds for texts and a `minimum` for numbers, so
// that one schema is right for both media types.

const node = z
  .string()
  .refine(isNodeName, 'node must be a host name: letters, digits, hyphens and underscores between dots')
  .meta({
    description: 'The hypervisor, by its host name; case does not matter',
    maxLength: 254,
    pattern: HOST_NAME.source,
    examples: ['onehost-2.lal.in2p3.fr'],
  });

// Of control characters libvirt takes only the tab into a name; a NUL would end the name early on its side.
export const vmId = z
  .string()
  .refine(
    id => id !== '' && lengthOf(id) <= 255 && !CONTROL.test(id.replaceAll('\t', '')),
    'vm_id must be 1 to 255 characters, none of them a control character but the tab',
  )
  .meta({
    type: TEXT,
    description: "The machine, as the node's libvirt or the cloud calls it",
    ...textOf(1, 255),
    pattern: '^[^\\u0000-\\u0008\\u000a-\\u001f\\u007f-\\u009f]*$',
    examples: ['722'],
  });

const size = z
  .string()
  .refine(
    text => /^[1-9]\d{0,3}$/.test(text) && Number(text) <= 1024,
    'size must be a whole number of GiB from 1 to 1024',
  )
  .transform(Number)
  .meta({
    ...numberOf(1, 1024),
    description: 'GiB',
    examples: [2],
  });

export const wholeNumber = (name: string, least: number, most: number, description: string) =>
  z
    .string()
    .refine(
      text => /^(?:0|[1-9]\d{0,8})$/.test(text) && Number(text) >= least && Number(text) <= most,
      `${name} must be a whole number from ${least} to ${most}`,
    )
    .transform(Number)
    .meta({ ...numberOf(least, most), description });

/** Inputs of a request that takes none. */
export const nothing = z.strictObject({});

const reason = z
  .string()
  .refine(
    text => text.trim() !== '' && lengthOf(text) <= 255 && !CONTROL.test(text),
    'reason must be 1 to 255 characters, none of them a control character',
  )
  .meta({
    type: TEXT,
    ...textOf(1, 255),
    description: 'Why, for those who read the events later',
    examples: ['the host burnt down on Sunday'],
  });

/** Why an administrator says what cannot be proved. */
export const reasoned = z.strictObject({ reason });

/** A machine, word for word, and an administrator's word for what cannot be proved. */
export const machineAndForce = z
  .strictObject({
    node,
    vm_id: vmId,
    force: z
      .literal(['true', true], 'force must be true, or not be there')
      .meta({
        examples: [],
        description: 'An administrator vouches for what cannot be proved; only with a reason',
      })
      .optional(),
    // The example of the whole shows what everybody sends.
    reason: reason.meta({ examples: [] }).optional(),
  })
  .refine(({ force, reason }) => (force === undefined) === (reason === undefined), {
    error: 'force and reason must be given together',
  })
  .meta({ dependentRequired: { force: ['reason'], reason: ['force'] } });

/** A machine, word for word. */
export const machine = z.strictObject({ node, vm_id: vmId });

export const machineAndTarget = z.strictObject({
  node,
  vm_id: vmId,
  target: z
    .string()
    .regex(/^vd[a-z]$/, 'target must be vda to vdz')
    .meta({
      description: 'The letter to keep; by default the first from vdb on that is free',
      examples: ['vdc'],
    })
    .optional(),
});

export const tag = z
  .string()
  .refine(text => lengthOf(text) <= 255, 'tag must be at most 255 characters')
  .meta({
    type: TEXT,
    maxLength: 255,
    description: 'What the disk is for, in words of its owner; may be empty',
    examples: ['a simple disk'],
  });

export const visibility = z.enum(['private', 'public'], 'visibility must be private or public').meta({
  description: 'Whom the disk is for: its owner, or everybody',
  examples: ['private'],
});

/** What an administrator says of a volume that becomes a disk. */
export const adoption = z.strictObject({
  owner: accountName.meta({ description: 'The account whose disk it becomes', examples: ['test'] }),
  tag,
  visibility,
});

export const newDisk = z.strictObject({ size, tag, visibility });

/** What an owner may say anew of a disk. */
export const diskChange = z
  .strictObject({ tag: tag.optional(), visibility: visibility.optional() })
  .refine(
    change => Object.values(change).some(value => value !== undefined),
    'tag or visibility must be given',
  )
  .meta({ minProperties: 1 });

/** How large a disk shall become. */
export const newSize = z.strictObject({ size });

/** How many machines may use a disk at once. */
export const newLimit = z.strictObject({
  limit: wholeNumber('limit', 1, 1000, 'How many machines may use the disk at once'),
});

/** What an account may have: disks, and their GiB together. */
export const newQuota = z.strictObject({
  disks: wholeNumber('disks', 0, 1_000_000, 'How many disks'),
  size: wholeNumber('size', 0, 100_000_000, 'GiB of all of them together'),
});

const password = z
  .string()
  .refine(isFitPassword, `password must be ${PASSWORD_RULE}`)
  .meta({
    ...textOf(8, 1024),
    description: 'At most 1024 bytes in UTF-8',
    examples: ['correct horse battery staple'],
  });

export const newAccount = z.strictObject({ password, role: accountRole });

export const newPassword = z.strictObject({ password });

/** Seconds that a token lives where nothing is said: 90 days. */
const TOKEN_LIFE_S = 90 * 86_400;

export const newToken = z.strictObject({
  name: z
    .string()
    .refine(
      text => text !== '' && lengthOf(text) <= 255 && !CONTROL.test(text),
      'name must be 1 to 255 characters, none of them a control character',
    )
    .meta({
      type: TEXT,
      ...textOf(1, 255),
      description: 'What the token is for',
      examples: ['the backup script'],
    }),
  expires_in: wholeNumber('expires_in', 1, 315_360_000, 'Seconds that it lives')
    .default(TOKEN_LIFE_S)
    .meta({ default: TOKEN_LIFE_S }),
});

function sentences(issue: z.core.$ZodIssue, fields: Fields): string[] {
  if (issue.code === 'unrecognized_keys') return issue.keys.map(key => `there is no input '${key}' here`);
  const [name] = issue.path.map(String);
  if (name === undefined) return [issue.message];
  const value = fields[name];
  if (value === undefined) return [`${name} is missing`];
  return [typeof value === 'string' ? issue.message : `${name} must be a text or an exact number`];
}

/** Inputs by their schema. Throws an error of this code with a sentence for each problem. */
export function checkInputs<T>(schema: z.ZodType<T>, fields: Fields, code: ErrorCode): T {
  const outcome = schema.safeParse(fields);
  if (outcome.success) return outcome.data;
  throw new PdiskError(
    code,
    outcome.error.issues.flatMap(issue => sentences(issue, fields)),
  );
}

import { z } from 'zod';
import { isFitPassword, PASSWORD_RULE } from '../../accounts/password-rule.ts';
import { accountName, accountRole } from '../../accounts/record.ts';
import { HOST_NAME, isNodeName } from '../../config/node-name.ts';
import { type ErrorCode, PdiskError } from '../../errors.ts';
import type { Fields } from '../http/fields.ts';

const CONTROL = /\p{Cc}/u;

/** Length in characters, not in UTF-16 units. */
const lengthOf = (text: string): number => [...text].length;

/** JSON Schema of a text without control characters; lengths in characters. */
const textOf = (minLength: number, maxLength: number) => ({
  minLength,
  maxLength,
  pattern: '^[^\\u0000-\\u001f\\u007f-\\u009f]*$',
});

/** JSON Schema of a whole number, or its digits as text; the bounds apply to both. */
const numberOf = (minimum: number, maximum: number) => ({
  type: ['integer', 'string'] as const,
  minimum,
  maximum,
  pattern: '^(?:0|[1-9]\\d*)$',
});

/** In JSON a number is accepted as its text. */
const TEXT = ['string', 'number'] as const;

// Checks that zod cannot convert to JSON Schema are repeated beside them in `meta`. A `pattern` applies to
// texts and a `minimum` to numbers only, so one schema is right for both media types.

/** The name of a node. */
export const nodeName = z
  .string()
  .refine(isNodeName, 'node must be a host name: letters, digits, hyphens and underscores between dots')
  .meta({
    description: 'The hypervisor, by its host name; case does not matter',
    maxLength: 254,
    pattern: HOST_NAME.source,
    examples: ['onehost-2.lal.in2p3.fr'],
  });

// Of control characters libvirt accepts only the tab in a name; at a NUL the name would end for it.
export const vmId = z
  .string()
  .refine(
    id => id !== '' && lengthOf(id) <= 255 && !CONTROL.test(id.replaceAll('\t', '')),
    'vm_id must be 1 to 255 characters, none of them a control character but the tab',
  )
  .meta({
    type: TEXT,
    description: "The VM, by its name in the node's libvirt or in the cloud",
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

/** A whole number, as text or in JSON as a number. */
export const wholeNumber = (name: string, least: number, most: number, description: string) =>
  z
    .string()
    .refine(
      text => /^(?:0|[1-9]\d{0,8})$/.test(text) && Number(text) >= least && Number(text) <= most,
      `${name} must be a whole number from ${least} to ${most}`,
    )
    .transform(Number)
    .meta({ ...numberOf(least, most), description });

/** The inputs of a request that has none. */
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
    description: 'The reason, which the events show',
    examples: ['the host burnt down on Sunday'],
  });

/** The reason that an administrator gives for a statement that cannot be proved. */
export const reasoned = z.strictObject({ reason });

/** A VM as the caller names it, and an administrator's statement about what cannot be proved. */
export const vmAndForce = z
  .strictObject({
    node: nodeName,
    vm_id: vmId,
    force: z
      .literal(['true', true], 'force must be true, or not be there')
      .meta({
        examples: [],
        description: 'An administrator confirms what cannot be proved; only with a reason',
      })
      .optional(),
    // No examples: the example of the whole shows an ordinary request.
    reason: reason.meta({ examples: [] }).optional(),
  })
  .refine(({ force, reason }) => (force === undefined) === (reason === undefined), {
    error: 'force and reason must be given together',
  })
  .meta({ dependentRequired: { force: ['reason'], reason: ['force'] } });

/** A VM as the caller names it. */
export const vmName = z.strictObject({ node: nodeName, vm_id: vmId });

/** A VM as the caller names it, and the target of a disk in it. */
export const vmAndTarget = z.strictObject({
  node: nodeName,
  vm_id: vmId,
  target: z
    .string()
    .regex(/^vd[a-z]$/, 'target must be vda to vdz')
    .meta({
      description: 'The target to reserve; by default the first free one from vdb on',
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

/** The properties of a disk that a volume becomes. */
export const adoption = z.strictObject({
  owner: accountName.meta({ description: 'The account whose disk it becomes', examples: ['test'] }),
  tag,
  visibility,
});

export const newDisk = z.strictObject({ size, tag, visibility });

/** What an owner may change of a disk. */
export const diskChange = z
  .strictObject({ tag: tag.optional(), visibility: visibility.optional() })
  .refine(
    change => Object.values(change).some(value => value !== undefined),
    'tag or visibility must be given',
  )
  .meta({ minProperties: 1 });

/** The new size of a disk. */
export const newSize = z.strictObject({ size });

/** The new user limit of a disk. */
export const newLimit = z.strictObject({
  limit: wholeNumber('limit', 1, 1000, 'How many VMs may use the disk at once'),
});

/** The quota of an account: disks, and GiB of all of them. */
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

/** Default lifetime of a token in seconds: 90 days. */
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

/** Parses the inputs. Throws a `PdiskError` with this code and a sentence for each problem. */
export function checkInputs<T>(schema: z.ZodType<T>, fields: Fields, code: ErrorCode): T {
  const outcome = schema.safeParse(fields);
  if (outcome.success) return outcome.data;
  throw new PdiskError(
    code,
    outcome.error.issues.flatMap(issue => sentences(issue, fields)),
  );
}

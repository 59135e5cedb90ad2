import { z } from 'zod';
import { type AttachmentPosition, attachmentStates } from '../../disks/service.ts';
import { nodeName, wholeNumber } from '../description/inputs.ts';

const PAGE_MAX = 1000;
const PAGE_DEFAULT = 100;

const POSITION = /^(?<since>\d{1,15})\.(?<id>[\w-]{1,64})$/;

/** An attachment's position in the list of all, as text for `?after=`. */
export const positionText = ({ since, id }: AttachmentPosition): string => `${since}.${id}`;

const after = z.string().transform((place, context): AttachmentPosition => {
  const { since, id } = POSITION.exec(place)?.groups ?? {};
  if (since !== undefined && id !== undefined) return { since: Number(since), id };
  context.issues.push({ code: 'custom', message: 'after must be as a Link header has it', input: place });
  return z.NEVER;
});

/** The inputs of the list of attachments. */
export const attachmentChoice = z.strictObject({
  state: z
    .enum(attachmentStates, `state must be one of ${attachmentStates.join(', ')}`)
    .meta({ description: 'Only attachments in this state', examples: ['detaching'] })
    .optional(),
  waiting: z
    .enum(['node', 'guest', 'person'], 'waiting must be node, guest or person')
    .meta({
      description:
        'Only attachments that wait for a node (to plug the disk), a guest (to let go of it) or a person (to say whether the VM is gone)',
      examples: ['guest'],
    })
    .optional(),
  node: nodeName.meta({ description: 'Only attachments to VMs of this node' }).optional(),
  limit: wholeNumber(
    'limit',
    1,
    PAGE_MAX,
    'At most so many; if others follow, the header `Link` leads to them',
  )
    .default(PAGE_DEFAULT)
    .meta({ default: PAGE_DEFAULT }),
  after: after.meta({ description: 'Where the last page ended, as in its header `Link`' }).optional(),
});

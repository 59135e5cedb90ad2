import { z } from 'zod';
import { accountName } from '../../accounts/record.ts';
import { diskStates } from '../../disks/service.ts';
import { tag, visibility, wholeNumber } from '../description/inputs.ts';
import { positionIn } from './paging.ts';

const PAGE_MAX = 1000;

const view = z
  .literal('full', "view must be 'full', or left out")
  .meta({
    description: 'All that there is to say: numbers are numbers, times as in RFC 3339',
    examples: ['full'],
  })
  .optional();

/** In which view to show a disk. */
export const diskView = z.strictObject({ view });

const after = z.string().transform((place, context) => {
  const position = positionIn(place);
  if (position) return position;
  context.issues.push({ code: 'custom', message: 'after must be as a Link header has it', input: place });
  return z.NEVER;
});

/** Which disks to list, in which view, and how many of them at a time. */
export const diskChoice = z.strictObject({
  view,
  tag: tag.meta({ description: 'Only disks with this very tag' }).optional(),
  owner: accountName.meta({ description: 'Only disks of this account', examples: ['test'] }).optional(),
  state: z
    .enum(diskStates, `state must be one of ${diskStates.join(', ')}`)
    .meta({ description: 'Only disks in this state' })
    .optional(),
  visibility: visibility.meta({ description: 'Only private or only public disks' }).optional(),
  waiting: z
    .enum(['pool', 'node', 'guest'], 'waiting must be pool, node or guest')
    .meta({
      description:
        'Only disks that wait for it: the pool, for their volume; a node, to plug them; a guest, to let go of them',
      examples: ['guest'],
    })
    .optional(),
  limit: wholeNumber(
    'limit',
    1,
    PAGE_MAX,
    'At most so many disks; where others follow, the header `Link` leads to them',
  ).optional(),
  after: after.meta({ description: 'Where the last page ended, as its header `Link` has it' }).optional(),
});

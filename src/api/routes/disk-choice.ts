import { z } from 'zod';
import { accountName } from '../../accounts/record.ts';
import { diskStates } from '../../disks/service.ts';
import { tag, visibility, wholeNumber } from '../description/inputs.ts';
import { positionIn } from './paging.ts';

const PAGE_MAX = 1000;

const view = z
  .literal('full', "view must be 'full', or left out")
  .meta({
    description: 'The view with all details: numbers are JSON numbers, times are RFC 3339',
    examples: ['full'],
  })
  .optional();

/** The view in which to show a disk. */
export const diskView = z.strictObject({ view });

const after = z.string().transform((place, context) => {
  const position = positionIn(place);
  if (position) return position;
  context.issues.push({ code: 'custom', message: 'after must be as a Link header has it', input: place });
  return z.NEVER;
});

/** The inputs of a list: which disks, in which view, how many on a page. */
export const diskChoice = z.strictObject({
  view,
  tag: tag.meta({ description: 'Only disks with exactly this tag' }).optional(),
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
        'Only disks that wait for the pool (their volume), a node (to plug them) or a guest (to release them)',
      examples: ['guest'],
    })
    .optional(),
  limit: wholeNumber(
    'limit',
    1,
    PAGE_MAX,
    'At most so many disks; if others follow, the header `Link` leads to them',
  ).optional(),
  after: after.meta({ description: 'Where the last page ended, as in its header `Link`' }).optional(),
});

import type { AnyStateMachine } from 'xstate';
import { attachmentMachine } from '../../../../machines/attachment.ts';
import { diskMachine } from '../../../../machines/disk.ts';
import { attachmentResults, diskResults } from '../../../../machines/effects.ts';
import { attachmentEvents, diskEvents } from '../events.ts';
import { attachmentKeyOf, diskKeyOf } from '../keys.ts';
import type { Subject } from './graph.ts';

/** The disk chart, or a copy of it. */
export const diskSubject = (machine: AnyStateMachine = diskMachine): Subject => ({
  machine,
  results: diskResults,
  events: diskEvents,
  keyOf: diskKeyOf,
});

/** The attachment chart, or a copy of it. */
export const attachmentSubject = (machine: AnyStateMachine = attachmentMachine): Subject => ({
  machine,
  results: attachmentResults,
  events: attachmentEvents,
  keyOf: attachmentKeyOf,
});

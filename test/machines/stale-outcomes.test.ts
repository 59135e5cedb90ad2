import type { AttachmentMessage } from '../../machines/attachment-events.ts';
import type { DiskMessage } from '../../machines/disk-events.ts';
import { ELSEWHERE, end, nowhere, RUN, running, vmOf } from './support/events.ts';
import { test } from './support/rule.ts';
import { attachments, disks, plugProblem, problem, stateOf } from './support/states.ts';

type Outcome<Message> = Extract<Message, { attempt: number }>;
type OutcomesOf<Message extends { attempt: number; type: string }> = {
  readonly [Type in Message['type']]: readonly Extract<Message, { type: Type }>[];
};

const attempt = 0;
const diskOutcomes: OutcomesOf<Outcome<DiskMessage>> = {
  VOLUME_CREATED: [{ type: 'VOLUME_CREATED', attempt }],
  VOLUME_FAILED: [{ type: 'VOLUME_FAILED', attempt, problem }],
  NOT_BEGUN: [{ type: 'NOT_BEGUN', attempt, problem }],
  RESIZED: [{ type: 'RESIZED', attempt }],
  NOT_RESIZED: [{ type: 'NOT_RESIZED', attempt, problem }],
  RESIZE_PENDING: [{ type: 'RESIZE_PENDING', attempt, problem }],
  WIPED: [
    { type: 'WIPED', attempt, bytes: 2 ** 29, of: 2 ** 30 },
    { type: 'WIPED', attempt, bytes: 2 ** 30, of: 2 ** 30 },
  ],
  WIPE_FAILED: [{ type: 'WIPE_FAILED', attempt, problem }],
  VOLUME_DELETED: [{ type: 'VOLUME_DELETED', attempt }],
  REMOVE_FAILED: [{ type: 'REMOVE_FAILED', attempt, problem }],
};

const notRunning = (found = nowhere()) => ({
  type: 'NOT_RUNNING' as const,
  attempt,
  settled: true,
  found,
  alarm: null,
});
const attachmentOutcomes: OutcomesOf<Outcome<AttachmentMessage>> = {
  PLUGGED: [{ type: 'PLUGGED', attempt, run: RUN }],
  PLUG_REFUSED: [{ type: 'PLUG_REFUSED', attempt, problem: plugProblem }],
  PLUG_UNKNOWN: [{ type: 'PLUG_UNKNOWN', attempt, problem: plugProblem }],
  UNPLUGGED: [{ type: 'UNPLUGGED', attempt }],
  KEPT: [{ type: 'KEPT', attempt, problem: plugProblem }],
  UNPLUG_FAILED: [{ type: 'UNPLUG_FAILED', attempt, problem: plugProblem }],
  NOT_RUNNING: [
    notRunning(),
    notRunning(nowhere({ end: end() })),
    notRunning(running({ vm: { ...vmOf('1'), node: ELSEWHERE } })),
  ],
};

for (const [name, make] of Object.entries(disks)) {
  test(`a result of another attempt is ignored by a disk that is ${name}`, t => {
    for (const outcome of Object.values(diskOutcomes).flat()) {
      for (const distance of [-1, 1]) {
        const disk = make();
        const before = disk.context();
        const sent = disk.send({ ...outcome, attempt: before.attempt + distance });
        t.deepEqual(sent, { state: stateOf(name), notes: [] }, outcome.type);
        t.is(disk.context(), before, outcome.type);
      }
    }
  });
}

for (const [name, make] of Object.entries(attachments)) {
  test(`a result of another attempt is ignored by an attachment that is ${name}`, t => {
    for (const outcome of Object.values(attachmentOutcomes).flat()) {
      for (const distance of [-1, 1]) {
        const attachment = make();
        const before = attachment.context();
        const sent = attachment.send({ ...outcome, attempt: before.attempt + distance });
        t.deepEqual(sent, { state: stateOf(name), notes: [] }, outcome.type);
        t.is(attachment.context(), before, outcome.type);
      }
    }
  });
}

// How records of older versions are read.
import test from 'ava';
import { initialAttachment } from '../../machines/attachment-parts.ts';
import { recordSchemas } from '../../src/store/records.ts';

const vm = { host: 'n1', node: 'qemu:///system', names: ['one-1'], domain: null };

function read(more: object) {
  const { atWork: _, ...context } = initialAttachment;
  const disk = 'eb198dec-3560-4a9a-b3b4-5f043410a3dd';
  return recordSchemas.attachment.parse({
    v: 2,
    state: 'detaching',
    context: { ...context, id: 'a', disk, vm, ...more },
  }).context.atWork;
}

test('a plug that was being undone may still be at work where its VM is', t => {
  t.deepEqual(read({ undo: true }), { host: 'n1', node: 'qemu:///system' });
  t.is(read({ undo: false }), null);
  t.is(read({ undo: true, atWork: null }), null);
  t.deepEqual(read({ undo: true, atWork: { host: 'n2', node: '' } }), { host: 'n2', node: '' });
});

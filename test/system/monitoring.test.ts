import test from 'ava';
import { startService } from '../../testkit/service.ts';
import { until } from '../../testkit/until.ts';

test('the real service serves its metrics and nodes, and is ready although a node is away', async t => {
  const service = await startService({ nodes: { away: 'qemu+tcp://127.0.0.1:1/system' } });
  t.teardown(service.remove);
  const uuid = await service.create();
  await service.call('POST', `/api/attach/${uuid}`, { form: { node: 'onehost-1', vm_id: '1' } });
  await service.call('POST', `/api/hotattach/${uuid}`, { form: { node: 'away', vm_id: '2' } });
  const ready = await until(async () => {
    const { status, body } = await service.call('GET', '/readyz');
    const { nodes } = body as { nodes: { up: number; down: number } };
    return nodes.down === 1 && { status, body };
  }, 'the node to be given up');
  t.deepEqual(ready, {
    status: 200,
    body: { ready: true, stopping: false, store: 'writable', pool: 'usable', nodes: { up: 0, down: 1 } },
  });
  const { text } = await service.call('GET', '/metrics');
  for (const line of [
    'pdisk_disks{state="attached"} 1',
    'pdisk_attachments{state="attached"} 1',
    'pdisk_pool_promised_bytes 1073741824',
    'pdisk_operations_total{operation="create",outcome="done"} 1',
    'pdisk_operations_total{operation="attach",outcome="done"} 1',
    'pdisk_node_up{node="away"} 0',
    'pdisk_event_streams 0',
    'pdisk_event_oldest_sequence 1',
  ]) {
    t.true(text.includes(`${line}\n`), line);
  }
  for (const name of [
    /^pdisk_pool_promisable_bytes [1-9]/m,
    /^pdisk_pool_used_ratio\{what="data"\} 0\.\d/m,
    /^pdisk_journal_batch_writes_count [1-9]/m,
    /^pdisk_journal_sync_duration_seconds_count [1-9]/m,
    /^pdisk_event_newest_sequence [1-9]/m,
    /^pdisk_audit_newest_sequence [1-9]/m,
    /^pdisk_audit_counted_total 0/m,
    /^pdisk_event_stream_lag_events 0/m,
    /^pdisk_event_replays_total 0/m,
    /^nodejs_eventloop_lag_seconds /m,
  ]) {
    t.regex(text, name);
  }
});

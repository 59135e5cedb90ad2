// Loaded into the service before its own modules (`node --import`): wraps what reaches beyond the process, so
// that each durable write, each call of pool and libvirt and each answer is a boundary. The service has no
// code for it.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { arm, takeTrace } from './counter.ts';
import { ARM_VARIABLE, type Order, type Plan, type Report, ROOT_VARIABLE, TRACE_FILE } from './plan.ts';
import { wrapAnswers } from './wrap-answers.ts';
import { wrapCommands } from './wrap-commands.ts';
import { wrapDatabase } from './wrap-database.ts';
import { wrapFiles } from './wrap-files.ts';
import { wrapLibvirt } from './wrap-libvirt.ts';

const reply = (report: Report): unknown => process.send?.(report);

process.on('message', (order: Order) => {
  if (order.kind === 'trace') {
    reply({ kind: 'trace', names: takeTrace() });
    return;
  }
  arm(order.plan);
  reply({ kind: 'armed' });
});
process.on('exit', () =>
  writeFileSync(join(process.env[ROOT_VARIABLE] ?? '', TRACE_FILE), JSON.stringify(takeTrace())),
);
// The channel alone must not keep a service alive that has stopped.
process.channel?.unref();

await wrapFiles();
wrapCommands();
wrapDatabase();
wrapLibvirt();
wrapAnswers();

const atOnce = process.env[ARM_VARIABLE];
if (atOnce) arm((JSON.parse(atOnce) as { readonly plan?: Plan }).plan);

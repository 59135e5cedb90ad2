// Every operation of the matrix: how it is prepared, what it does, and how it looks when it is done.
import { accountOperations } from './account-operations.ts';
import { diskOperations } from './disk-operations.ts';
import { lifeOperations } from './life-operations.ts';
import type { Operation } from './trial.ts';
import { vmOperations } from './vm-operations.ts';

export const operations: readonly Operation[] = [
  ...vmOperations,
  ...lifeOperations,
  ...diskOperations,
  ...accountOperations,
];

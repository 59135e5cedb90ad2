// The second half of the seeds, which is played beside the first: see docs/testing.md.
import { playSeeds } from './seeds.ts';

playSeeds(1);

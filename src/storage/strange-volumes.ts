import type { Pool } from './pool.ts';

/**
 * Throws an Error with a sentence if the pool of a new store holds volumes already: they belong to another
 * store, or their store is lost.
 */
export async function demandNoVolumes(pool: Pick<Pool, 'list'>): Promise<void> {
  const { length } = await pool.list();
  if (length === 0) return;
  throw new Error(
    `the pool holds ${length} volumes, and this pdisk has never had any: its data folder is a new one. Start it with the data folder that belongs to ` +
      'them, or with another pool; who knows that their data folder is lost starts pdisk once with --accept-loss',
  );
}

import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { checkCertificate } from '../api/http/certificate.ts';
import type { Config } from '../config.ts';
import { isKnown, type StoredDisk } from '../disks/records/records.ts';
import { sentenceOf } from '../errors.ts';
import { GIB } from '../lib/gib.ts';
import { claimantOf } from '../storage/claim.ts';
import { openPool } from '../storage/open.ts';
import { readOwner } from '../storage/owner.ts';
import type { Pool, VolumeEntry } from '../storage/pool.ts';
import { checkRecords } from './check-records.ts';
import { createFindings, type Findings, tellSome } from './findings.ts';
import { ownerFile, storeText } from './source.ts';

const OTHERS = 0o077;

/** Whether nobody else can read or write what is in the data folder; the pool's folder is not looked into. */
async function checkPermissions(dataDir: string, findings: Findings): Promise<void> {
  const names = (await readdir(dataDir)).filter(name => name !== 'pool');
  const inside = await readdir(join(dataDir, 'db')).catch(() => []);
  const paths = [...names, ...inside.map(name => join('db', name))].map(name => join(dataDir, name));
  const open: string[] = [];
  for (const path of [dataDir, ...paths]) {
    const { mode } = await stat(path).catch(() => ({ mode: 0 }));
    if (mode & OTHERS)
      open.push(`${path} is open to others (mode ${(mode & 0o777).toString(8)}): chmod go-rwx ${path}`);
  }
  tellSome(findings.warn, open);
}

/** Opens the pool to look at it: nothing is created or claimed. */
async function poolOf({ pool: place, overcommit, wipe, wipeRateMiB }: Config, owner: string): Promise<Pool> {
  if (place.kind === 'file') {
    const { directory } = place;
    await stat(directory);
    const claimant = await claimantOf(directory);
    if (claimant !== undefined && claimant !== owner)
      throw new Error(`${directory} belongs to another pdisk (${claimant}); ours is ${owner}`);
  }
  return openPool(place, { overcommit, owner, lvm: { wipe, wipeRateMiB } });
}

/**
 * Compares disks with volumes. The volumes were listed before and after the records were read: a volume counts
 * as surplus if it was there both times, and as missing if it was there neither time.
 */
function compareVolumes(
  disks: readonly StoredDisk[],
  before: readonly VolumeEntry[],
  after: readonly VolumeEntry[],
  findings: Findings,
): void {
  const first = new Set(before.map(({ uuid }) => uuid));
  const there = new Map([...before, ...after].map(volume => [volume.uuid, volume]));
  const recorded = new Set(disks.map(({ context }) => context.uuid));
  const known = disks.filter(isKnown).map(({ context }) => context);
  tellSome(
    findings.fail,
    known
      .filter(({ uuid }) => !there.has(uuid))
      .map(({ uuid, owner }) => `the disk ${uuid} of '${owner}' has no volume`),
  );
  tellSome(
    findings.fail,
    known
      .filter(
        ({ uuid, sizeGiB, grownFrom }) => (there.get(uuid)?.bytes ?? Infinity) < (grownFrom ?? sizeGiB) * GIB,
      )
      .map(({ uuid, sizeGiB }) => `the volume of the disk ${uuid} is smaller than its ${sizeGiB} GiB`),
  );
  tellSome(
    findings.warn,
    after
      .filter(({ uuid }) => first.has(uuid) && !recorded.has(uuid))
      .map(({ uuid }) => `the volume ${uuid} belongs to no disk (GET /api/leftovers)`),
  );
}

/**
 * Checks configuration, store and pool without starting. The service may run: then its records are those that
 * it has now. Resolves with what was found. Nothing is written, save for what LevelDB writes when a database is
 * opened.
 */
export async function check(config: Config): Promise<Findings> {
  const findings = createFindings();
  const { dataDir, tls } = config;
  const attempt = async <T>(work: () => T | Promise<T>): Promise<T | undefined> => {
    try {
      return await work();
    } catch (error) {
      findings.fail(sentenceOf(error));
      return undefined;
    }
  };

  if (tls) for (const sentence of (await attempt(() => checkCertificate(tls))) ?? []) findings.warn(sentence);
  if (!(await stat(dataDir).catch(() => undefined))) {
    findings.fail(`data_dir is ${dataDir}, which is not there: this pdisk was never started`);
    return findings;
  }
  await attempt(() => checkPermissions(dataDir, findings));
  const owner = await readOwner(ownerFile(dataDir));
  const pool = await attempt(() => poolOf(config, owner.name));
  const before = pool && (await attempt(pool.list));
  const disks = await attempt(async () => {
    const { pieces } = await storeText(dataDir);
    return checkRecords(pieces, join(dataDir, 'db'), findings);
  });
  const after = pool && (await attempt(pool.list));
  if (pool) {
    const strangers = (await attempt(pool.strangers)) ?? [];
    tellSome(
      findings.warn,
      strangers.map(
        ({ name, uuid }) => `${name} in the pool bears the name of the disk ${uuid}, and is not its volume`,
      ),
    );
  }
  if (disks && before && after) compareVolumes(disks, before, after, findings);
  return findings;
}

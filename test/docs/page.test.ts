// The page /api/docs in a real Chromium. Screenshots go to the folder that PDISK_SCREENSHOTS names, if it is
// set.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import anyTest, { type ExecutionContext } from 'ava';
import { chromium, type Page } from 'playwright-core';
import { document } from '../../testkit/conforms.ts';
import { startServer } from '../api/support/server.ts';

const CHROMIUM = '/usr/bin/chromium';
const test = existsSync(CHROMIUM) ? anyTest.serial : anyTest.skip;
const quiet = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync'];

/**
 * Opens the page; the test fails on any message on the browser's console, and on any request to another host.
 */
async function openPage(t: ExecutionContext, width: number, fragment = '') {
  const { port } = await startServer(t);
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: quiet });
  t.teardown(() => browser.close());
  const page = await browser.newPage({ viewport: { width, height: 900 } });
  const said: string[] = [];
  const asked: string[] = [];
  page.on('console', message => said.push(message.text()));
  page.on('pageerror', error => said.push(error.message));
  page.on('request', request => asked.push(request.url()));
  const origin = `http://127.0.0.1:${port}`;
  await page.goto(`${origin}/api/docs${fragment}`);
  await page.getByRole('heading', { name: 'All requests' }).waitFor();
  const assertQuiet = () => {
    t.deepEqual(said, []);
    t.deepEqual(
      asked.filter(url => !url.startsWith(origin)),
      [],
    );
  };
  return { page, origin, assertQuiet };
}

const shoot = async (page: Page, name: string): Promise<void> => {
  const folder = process.env.PDISK_SCREENSHOTS;
  if (folder) await page.screenshot({ path: join(folder, `docs-${name}.png`) });
};

test('the page explains how to create, attach and detach a disk, with commands for this very service', async t => {
  const { page, origin, assertQuiet } = await openPage(t, 1300);
  const text = (await page.locator('#begin').textContent()) ?? '';
  t.true(text.includes(`pdisk=${origin}`));
  t.true(
    text.includes(
      `curl -u "$account" -d size=2 -d tag='a simple disk' -d visibility=private "$pdisk/api/create"`,
    ),
  );
  t.true(
    text.includes(
      'curl -u "$account" -d node=onehost-2.lal.in2p3.fr -d vm_id=722 "$pdisk/api/hotattach/$uuid"',
    ),
  );
  t.true(text.includes('curl -u "$account" -X DELETE "$pdisk/api/disks/$uuid"'));
  await shoot(page, 'light');
  assertQuiet();
});

test('every operation is on the page, found by a word, and opened by the keyboard and by its name in the URL', async t => {
  const { page, assertQuiet } = await openPage(t, 1300, '#hotattach');
  await page.locator('#hotattach[open]').waitFor();
  const shown = await page.evaluate<string[]>(
    `[...document.querySelectorAll('.operation')].map(one => one.id)`,
  );
  const described = Object.values(document.paths).flatMap(methods =>
    Object.entries(methods).flatMap(([method, one]) => (method === 'head' ? [] : [one.operationId])),
  );
  t.deepEqual(shown.sort(), described.sort());
  await shoot(page, 'operation');

  await page.getByRole('searchbox', { name: 'Find' }).fill('create a disk');
  await page.getByText(`1 of ${described.length}`).waitFor();
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await page.locator('#createDisk[open]').waitFor();
  await page.locator('#createDisk').getByText('What the disk is for, in words of its owner').waitFor();
  assertQuiet();
});

test('on a narrow screen nothing is wider than the screen', async t => {
  const { page, assertQuiet } = await openPage(t, 380, '#createDisk');
  await page.emulateMedia({ colorScheme: 'dark' });
  t.true(await page.evaluate<boolean>('document.documentElement.scrollWidth <= innerWidth'));
  await shoot(page, 'operation-narrow-dark');
  await page.evaluate('scrollTo(0, 0)');
  await shoot(page, 'narrow-dark');
  assertQuiet();
});

// The page /inspect in a real Chromium. Screenshots go to the folder that PDISK_SCREENSHOTS names, if it is
// set.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import anyTest, { type ExecutionContext } from 'ava';
import { chromium, type Page } from 'playwright-core';
import { PASSWORD } from '../../testkit/http.ts';
import { linesOf, startSite } from './support/site.ts';

const CHROMIUM = '/usr/bin/chromium';
const test = existsSync(CHROMIUM) ? anyTest.serial : anyTest.skip;
const quiet = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/**
 * Opens the page and logs in; the test fails on any message on the browser's console, and on any request to
 * another host.
 */
async function openPage(t: ExecutionContext, url: string) {
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: quiet });
  t.teardown(() => browser.close());
  const page = await browser.newPage({ viewport: { width: 1500, height: 1000 } });
  const said: string[] = [];
  const asked: string[] = [];
  page.on('console', message => said.push(message.text()));
  page.on('pageerror', error => said.push(error.message));
  page.on('request', request => asked.push(request.url()));
  page.on('websocket', socket => asked.push(socket.url()));
  await page.goto(`${url}/inspect`);
  // By the keyboard: the first field has the focus, once the browser has drawn it.
  await page.locator('input[name=name]:focus').waitFor();
  await page.keyboard.type('admin');
  await page.keyboard.press('Tab');
  await page.keyboard.type(PASSWORD);
  await page.keyboard.press('Enter');
  await page.waitForSelector('.live');
  return { page, said, asked };
}

const shoot = async (page: Page, name: string): Promise<void> => {
  const folder = process.env.PDISK_SCREENSHOTS;
  if (folder) await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
};

const lit = (page: Page, machine: string, state: string) =>
  page.waitForSelector(`svg[aria-label="State chart ${machine}; present state: ${state}"] .present`);

test('the page follows a hotattach without a reload, and says why the disk cannot be deleted', async t => {
  const { service, hotattach, hotdetach } = await startSite(t);
  const uuid = await service.create();
  const { page, said, asked } = await openPage(t, service.url);
  await page.getByLabel('Find a disk').fill(uuid.slice(0, 8));
  await page.locator(`a[href="#${uuid}"]`).focus();
  await page.keyboard.press('Enter');
  await lit(page, 'disk', 'available');
  await page.waitForSelector('[data-event=DELETE].taken');
  const loads = asked.filter(url => url.endsWith('/inspect')).length;

  await hotattach(uuid, '1');
  await lit(page, 'disk', 'hot-attached');
  await lit(page, 'attachment', 'hot-attached');
  const refused = page.locator('[data-event=DELETE].refused');
  t.regex(
    (await refused.textContent()) ?? '',
    /Delete it: no, because disk .* is in use: VM '1' on node 'n1'; detach it from every VM first DISK_IN_USE/,
  );
  await page.getByText('attaching → hot-attached (disk.attached)').first().waitFor();
  t.regex((await page.locator('[aria-live]').textContent()) ?? '', /hot-attached/);
  await shoot(page, 'disk-light');
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.setViewportSize({ width: 700, height: 1000 });
  await shoot(page, 'disk-dark-narrow');

  await hotdetach(uuid, '1');
  await lit(page, 'disk', 'available');
  await page.waitForSelector('[data-event=DELETE].taken');
  t.is(asked.filter(url => url.endsWith('/inspect')).length, loads);
  t.deepEqual(said, []);
  t.deepEqual(
    asked.filter(url => new URL(url).host !== new URL(service.url).host),
    [],
  );
  t.false(asked.some(url => url.includes(PASSWORD) || url.includes(encodeURIComponent(PASSWORD))));
  t.is(await page.evaluate('JSON.stringify({ ...localStorage, ...sessionStorage }) + document.cookie'), '{}');
});

test('the page draws the graphs of the committed diagrams, and the number of actors in each state', async t => {
  const { service, hotattach } = await startSite(t);
  const uuid = await service.create();
  const { page, said } = await openPage(t, service.url);
  for (const name of ['disk', 'attachment']) {
    const section = page.locator(`[data-chart=${name}]`);
    await section.locator('svg').waitFor();
    const edges = await page.evaluate<string[]>(
      `[...document.querySelectorAll('[data-chart=${name}] [data-edge]')].map(one => one.dataset.edge)`,
    );
    const { text } = await service.call('GET', `/api/charts/${name}.mmd`);
    const committed = readFileSync(new URL(`../../machines/${name}.md`, import.meta.url), 'utf8');
    // Names in Mermaid have no hyphens.
    const drawn = linesOf(edges.map(edge => `  ${edge.replaceAll(/(?<=\w)-(?=\w)/g, '_')}`).join('\n'));
    t.deepEqual(drawn, linesOf(text));
    t.deepEqual(drawn, linesOf(committed));
  }
  await page.getByText('1 available').waitFor();
  await hotattach(uuid, '1');
  await page.getByText('1 hot-attached').nth(1).waitFor();
  await shoot(page, 'overview');
  t.deepEqual(said, []);
});

test('a wrong password is refused on the page itself', async t => {
  const { service } = await startSite(t);
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: quiet });
  t.teardown(() => browser.close());
  const page = await browser.newPage();
  await page.goto(`${service.url}/inspect`);
  await page.getByLabel('Account').fill('admin');
  await page.getByLabel('Password').fill('wrong');
  await page.getByRole('button').click();
  await page.getByText('valid credentials are required').waitFor();
  t.pass();
});

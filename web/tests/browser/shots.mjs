// Pictures of every page at two widths, into shots/: node tests/browser/shots.mjs [--fake] [--dark] [--es] [name …]
// Against a running stack with its demonstration data, or with --fake against fake.mjs; see docs/web.md.
import { mkdir } from 'node:fs/promises';
import { fake } from './fake.mjs';
import { browse, preview, signIn } from './harness.mjs';
import { FAKE_PAGES, pages, PUBLIC } from './pages.mjs';

const only = process.argv.slice(2).filter((arg) => !arg.startsWith('--'));
const dark = process.argv.includes('--dark');
const spanish = process.argv.includes('--es');
const { STATUS_USER = 'admin', STATUS_PASSWORD = 'admin123' } = process.argv.includes('--fake') ? { STATUS_PASSWORD: 'right' } : process.env;

const faked = process.argv.includes('--fake');
const { STATUS_CATALOG = '4', STATUS_CONTROL = '21', STATUS_COMPUTATION, STATUS_DASHBOARD, STATUS_FOLDER } = process.env;
const list = faked
  ? FAKE_PAGES
  : pages({ catalog: STATUS_CATALOG, control: STATUS_CONTROL, computation: STATUS_COMPUTATION, dashboard: STATUS_DASHBOARD, folder: STATUS_FOLDER });

await mkdir('shots', { recursive: true });
const { address, stop } = await preview();
const { page, close } = await browse({ colorScheme: dark ? 'dark' : 'light' });
if (faked) await fake(page);
page.on('pageerror', (error) => console.error(`page error: ${error.message}`));
page.on('console', (message) => message.type() === 'error' && console.error(`console: ${message.text()}`));

async function shoot(wanted) {
  for (const [name, path] of Object.entries(wanted)) {
    if (only.length > 0 && !only.includes(name)) continue;
    for (const width of [1440, 390]) {
      await page.setViewportSize({ width, height: width === 390 ? 844 : 900 });
      await page.goto('about:blank');
      await page.goto(`${address}/#${path}`);
      await page.waitForLoadState('networkidle').catch(() => {});
      await page.screenshot({ path: `shots/${name}-${width}${dark ? '-dark' : ''}${spanish ? '-es' : ''}.png`, fullPage: true });
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      if (wide > 0) console.error(`${name} at ${width}: ${wide} px too wide`);
    }
  }
}

try {
  await shoot(PUBLIC);
  await page.setViewportSize({ width: 1440, height: 900 });
  await signIn(page, address, STATUS_USER, STATUS_PASSWORD);
  if (spanish) await page.evaluate(() => localStorage.setItem('language', 'es'));
  await shoot(list);
} finally {
  await close();
  stop();
}

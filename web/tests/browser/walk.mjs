// A walk through the whole platform as people use it, in a browser, through the proxy, over the running stack: see the chapters.
// It makes a flow, a scope, a catalog, dashboards, a secret and users, and deletes them again. On the way every page is
// inspected and photographed, into WALK_SHOTS (shots/).
//   npm run build && reeve up -d --wait && reeve populate && reeve populate --demo
//   reeve credentials --json | STATUS_URL=http://127.0.0.1:3000 npm run walk
// Fails when something does not happen, and when anything goes wrong beside it: watch.mjs, inspect.mjs.
import { text } from 'node:stream/consumers';
import { browse } from './harness.mjs';
import { album } from './pictures.mjs';
import { accounts } from './walk/accounts.mjs';
import { compliance } from './walk/compliance.mjs';
import { gallery } from './walk/gallery.mjs';
import { grafana } from './walk/grafana.mjs';
import { firstVisit } from './walk/first-visit.mjs';
import { nodeRed } from './walk/node-red.mjs';
import { sessions } from './walk/sessions.mjs';
import { tidyUp } from './walk/tidy-up.mjs';
import { watch } from './watch.mjs';

const address = (process.env.STATUS_URL ?? 'http://127.0.0.1:3000').replace(/\/$/, '');
/** What `reeve credentials --json` prints. */
const { services } = JSON.parse(await text(process.stdin));

/** For any one thing; far above what it takes on a slow machine. */
const PATIENCE_MS = 30_000;
const { page, close } = await browse();
page.setDefaultTimeout(PATIENCE_MS);
const watched = watch(page, address);
const shots = await album(process.env.WALK_SHOTS ?? 'shots');
/** Letters only, as the strictest of names wants it; no earlier walk has left it. */
const tag = [...Date.now().toString(26)].map((digit) => String.fromCharCode(97 + Number.parseInt(digit, 26))).join('');

const walk = {
  page,
  address,
  watched,
  tag,
  /** Without a leading underscore or capital: it is a flow, a scope and a part of other names. */
  name: `walk${tag}`,
  catalog: `Walk ${tag}`,
  administrator: { username: 'admin', password: services['status-backend'].administrator },
  nodeRed: { username: 'admin', password: services.nodered['administrator (editor and HTTP endpoints)'] },
  button: (name) => page.getByRole('button', { name, exact: true }),
  field: (name) => page.getByLabel(name, { exact: true }),
  textbox: (name) => page.getByRole('textbox', { name }),
  said: (words) => page.getByText(words).first().waitFor(),
  confirm: (name = 'Delete') => page.getByRole('alertdialog').getByRole('button', { name }).click(),
  async go(path) {
    await page.goto('about:blank');
    await page.goto(`${address}/#${path}`);
    await watched.quiet();
  },
  /** For what no locator can wait for. */
  async until(what, attempt) {
    for (const deadline = Date.now() + PATIENCE_MS; !(await attempt()); ) {
      if (Date.now() > deadline) throw new Error(`not in ${PATIENCE_MS} ms: ${what}`);
      await page.waitForTimeout(100);
    }
  },
  async step(name, run) {
    const start = performance.now();
    try {
      await run();
    } catch (error) {
      console.log(`FAILED ${name}, on ${page.url()}`);
      await page.screenshot({ path: `${process.env.WALK_SHOTS ?? 'shots'}/failed.png` });
      throw error;
    }
    console.log(`ok ${name} (${Math.round(performance.now() - start)} ms)`);
  },
  shoot: (name, schemes) => shots.shoot(page, name, watched.note, schemes),
};

const start = performance.now();
try {
  for (const chapter of [firstVisit, nodeRed, compliance, grafana, gallery, accounts, sessions, tidyUp]) await chapter(walk);
} finally {
  await close();
  // A chapter that failed may have been made to by one of these.
  for (const problem of new Set(watched.problems)) console.error(problem);
}
console.log(`${shots.count()} pictures, ${Math.round((performance.now() - start) / 1000)} s, ${new Set(watched.problems).size} problems`);
if (watched.problems.length > 0) process.exit(1);

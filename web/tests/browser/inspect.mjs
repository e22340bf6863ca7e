// What holds on every page: axe finds nothing serious, nothing is wider than the window, there is one main heading.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** What is wrong with the page as it stands, a text each. */
export async function inspect(page, name) {
  const problems = [];
  // As a value, not as a script of the page: a content security policy need not allow it.
  await page.evaluate(axe);
  const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'], iframes: false }));
  for (const { id, impact, nodes } of found.violations) {
    if (impact === 'serious' || impact === 'critical') problems.push(`axe on ${name}: ${impact} ${id}: ${nodes[0].html.slice(0, 160)}`);
  }
  problems.push(...(await proportions(page, name)));
  if (!(await hasMainHeading(page))) problems.push(`${name} has not exactly one main heading`);
  return problems;
}

/** A page, or the dialog over it, may be on its way when somebody looks. */
const PATIENCE_MS = 2000;

/** Behind a dialog, the page's own heading is hidden. */
async function hasMainHeading(page) {
  for (const deadline = Date.now() + PATIENCE_MS; Date.now() < deadline; await page.waitForTimeout(50)) {
    if ((await page.locator('[role=dialog], [role=alertdialog]').count()) > 0) return true;
    if ((await page.getByRole('heading', { level: 1 }).count()) === 1) return true;
  }
  return false;
}

/** Sideways scrolling. */
export async function proportions(page, name) {
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  return wide > 0 ? [`${name} is ${wide} px too wide`] : [];
}

// How much script, compressed, each page needs on a first visit. Fails when one needs more than the budget.
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

/** Kilobytes: about a second on a slow mobile connection. */
const BUDGET_KB = 200;

const dist = new URL('../dist/', import.meta.url);
const manifest = JSON.parse(readFileSync(new URL('.vite/manifest.json', dist), 'utf8'));
const sizes = new Map();

function kilobytes(file) {
  if (!sizes.has(file)) sizes.set(file, gzipSync(readFileSync(new URL(file, dist)), { level: 9 }).length / 1000);
  return sizes.get(file);
}

/** The scripts that one is not run without. */
function closure(key, found = new Set()) {
  if (found.has(key)) return found;
  found.add(key);
  for (const next of manifest[key].imports ?? []) closure(next, found);
  return found;
}

const entry = closure('index.html');
const shell = closure('src/app/AppShell.tsx');
// What the router fetches; dialogs that pages fetch later are not part of a first visit.
const pages = (manifest['index.html'].dynamicImports ?? []).filter((key) => key.startsWith('src/pages/'));
const rows = pages.map((page) => {
  const around = page.startsWith('src/pages/public/') ? [] : shell;
  const keys = new Set([...entry, ...around, ...closure(page)]);
  const total = [...keys].reduce((sum, key) => sum + kilobytes(manifest[key].file), 0);
  return { page: page.replace('src/pages/', ''), total };
});
rows.sort((a, b) => b.total - a.total);
for (const { page, total } of rows) console.log(`${total.toFixed(1).padStart(7)} kB  ${page}`);
const over = rows.filter(({ total }) => total > BUDGET_KB);
if (rows.length === 0 || over.length > 0) {
  console.error(`over the budget of ${BUDGET_KB} kB: ${over.map(({ page }) => page).join(', ') || 'no page was found'}`);
  process.exit(1);
}
console.log(`every page is within ${BUDGET_KB} kB on a first visit`);

// The picture of the README: the overview of a stack that has something to show. Gives it catalogs, a flow and eight months of
// results, all through the platform itself, unless an earlier run has; then photographs it.
//   npm run build && reeve up -d --wait && reeve populate
//   reeve credentials --json | STATUS_URL=http://127.0.0.1:3000 npm run picture
import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { browse, signIn } from './harness.mjs';

const address = (process.env.STATUS_URL ?? 'http://127.0.0.1:3000').replace(/\/$/, '');
const { services } = JSON.parse(await text(process.stdin));
const password = services['status-backend'].administrator;
const place = fileURLToPath(new URL('../../../docs/images/overview.png', import.meta.url));
/** A README is read on slow lines, too. */
const MOST_BYTES = 200_000;
const MONTHS = 8;
const SIZE = { width: 1440, height: 1200 };

/** Of every control: its threshold, and of how many of ten evidences held in each of the last months. */
const CATALOGS = {
  'Information security (ISO 27001)': [
    ['Access rights are reviewed', 80, [6, 7, 7, 8, 8, 9, 9, 10], ['Seville', 'Cordoba']],
    ['Backups are restored in tests', 70, [5, 5, 6, 7, 7, 8, 8, 9], ['Seville']],
    ['Security patches are applied', 90, [8, 9, 9, 10, 9, 10, 10, 10], ['Seville', 'Malaga']],
  ],
  'Privacy (GDPR)': [
    ['Consent is recorded', 80, [7, 8, 8, 9, 9, 9, 10, 10], ['Spain', 'France']],
    ['Requests are answered in time', 90, [6, 6, 7, 7, 8, 8, 9, 8], ['Spain']],
    ['Processors are under contract', 80, [9, 9, 8, 9, 10, 10, 10, 10], ['Spain']],
  ],
  'Financial reporting': [
    ['Ledgers agree with the balance sheet', 90, [9, 10, 9, 9, 10, 10, 9, 10], ['Spain', 'Italy']],
    ['Every booking can be traced', 80, [5, 6, 6, 7, 7, 7, 8, 7], ['Spain', 'Italy']],
  ],
  'Supplier audits': [
    ['Suppliers are assessed yearly', 70, [4, 4, 5, 5, 6, 6, 6, 7], ['Seville']],
    ['Findings are closed within 90 days', 80, [3, 4, 4, 5, 5, 6, 6, 6], ['Seville', 'Malaga']],
  ],
};

const FLOW = {
  label: 'Evidence of the last months',
  nodes: [
    { id: 'history-in', type: 'http in', url: '/history', method: 'post', wires: [['history-rows']] },
    {
      id: 'history-rows',
      type: 'function',
      outputs: 2,
      wires: [['history-answer'], ['history-send']],
      func: `
const { computationGroup, backendUrl, scope, initial, to, course, least, controlId } = msg.payload;
const headers = { 'x-access-token': msg.req.headers['x-access-token'], 'content-type': 'application/json' };
const held = JSON.parse(course)[initial.slice(0, 7)] ?? 0;
const evidences = Array.from({ length: 10 }, (_, at) => ({ key: 'record ' + (at + 1), value: 'https://example.org/records/' + (at + 1), result: at < held }));
const row = { computationGroup, controlId: Number(controlId), value: held * 10 >= Number(least), scope: { ...scope, id: initial.slice(0, 7) }, evidences, period: { from: initial, to } };
msg.payload = {};
return [msg, { url: backendUrl, headers, payload: { computations: [row], done: true } }];`,
    },
    { id: 'history-answer', type: 'http response', statusCode: '200', wires: [] },
    { id: 'history-send', type: 'http request', method: 'POST', ret: 'txt', wires: [[]] },
  ],
};

async function send(method, path, body, token) {
  const headers = { 'content-type': 'application/json', accept: 'application/json', ...(token ? { authorization: `Bearer ${token}` } : {}) };
  const response = await fetch(address + path, { method, headers, body: body && JSON.stringify(body) });
  const said = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${said}`);
  return said ? JSON.parse(said) : undefined;
}

/** The last months, oldest first: first and last day. */
function months() {
  const now = new Date();
  return Array.from({ length: MONTHS }, (_, at) => {
    const first = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - MONTHS + at, 1));
    const last = new Date(Date.UTC(first.getUTCFullYear(), first.getUTCMonth() + 1, 0));
    return [first, last].map((day) => day.toISOString().slice(0, 10));
  });
}

async function history() {
  const { accessToken } = await send('POST', '/backend/users/signIn', { username: 'admin', password });
  const api = (method, path, body) => send(method, `/backend${path}`, body, accessToken);
  const there = new Set((await api('GET', '/catalogs')).map(({ name }) => name));
  const missing = Object.entries(CATALOGS).filter(([name]) => !there.has(name));
  if (missing.length === 0) return;

  const admin = { client_id: 'node-red-admin', grant_type: 'password', scope: '*', username: 'admin', password: services.nodered['administrator (editor and HTTP endpoints)'] };
  const { access_token: nodeRed } = await send('POST', '/node-red/auth/token', admin);
  const flows = await send('GET', '/node-red/flows', undefined, nodeRed);
  if (!flows.some(({ url }) => url === '/history')) await send('POST', '/node-red/flow', FLOW, nodeRed);
  const scopes = new Set((await api('GET', '/scopes')).map(({ name }) => name));
  if (!scopes.has('office')) await api('POST', '/scopes', { name: 'office', description: 'Where it is done', type: 'string', default: '*' });

  const times = months();
  const [[from]] = times;
  const agreements = [];
  for (const [name, controls] of missing) {
    const catalog = await api('POST', '/catalogs', { name, description: 'Measured every month.', startDate: from, endDate: `${new Date().getUTCFullYear() + 1}-12-31` });
    for (const [title, threshold, course, offices] of controls) {
      const params = { endpoint: '/history', threshold, least: threshold, course: JSON.stringify(Object.fromEntries(times.map(([day], at) => [day.slice(0, 7), course[at]]))) };
      const control = { name: title, period: 'MONTHLY', startDate: from, catalogId: catalog.id, params };
      const { id } = await api('POST', '/controls', control);
      await api('PATCH', `/controls/${id}`, { params: { ...params, controlId: id } });
      for (const office of offices) await api('POST', '/scopes/sets', { controlId: id, scopes: { office } });
    }
    agreements.push(catalog.tpaId);
  }
  for (const [first, last] of times) {
    for (const agreement of agreements) await api('GET', `/catalogs/${agreement}/points?from=${first}&to=${last}`);
  }
  console.log(`${agreements.length} catalogs, ${times.length} months`);
}

await history();
const { page, close } = await browse({ viewport: SIZE });
try {
  await page.setViewportSize(SIZE);
  await signIn(page, address, 'admin', password);
  await page.getByRole('img', { name: 'Compliance over time' }).locator('circle').first().waitFor();
  await page.waitForLoadState('networkidle');
  await mkdir(dirname(place), { recursive: true });
  await page.screenshot({ path: place });
} finally {
  await close();
}
const { size } = await stat(place);
console.log(`${place}: ${Math.round(size / 1000)} kB`);
if (size > MOST_BYTES) throw new Error(`more than ${MOST_BYTES} bytes`);

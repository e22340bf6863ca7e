// A walk through the built application in Chromium, against the fake of fake.mjs: each page, at a desk in light and on a phone in
// dark, has no serious finding of axe, no error and no sideways scrolling; and the flows that matter work.
//   npm run build && npm run smoke
import assert from 'node:assert/strict';
import { fake } from './fake.mjs';
import { browse, preview, signIn } from './harness.mjs';
import { inspect as faults } from './inspect.mjs';
import { FAKE_PAGES, PUBLIC } from './pages.mjs';

const { address, stop } = await preview();
const { page, close } = await browse();
const state = await fake(page);
const problems = [];
page.on('pageerror', (error) => problems.push(`error on ${page.url()}: ${error.message}`));
page.on('console', (message) => {
  // The browser reports answers with an error status by itself; the flows below cause some.
  if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) problems.push(`console on ${page.url()}: ${message.text()}`);
});

const go = async (path) => {
  await page.goto('about:blank');
  await page.goto(`${address}/#${path}`);
  await page.waitForLoadState('networkidle');
};
const step = async (name, run) => {
  const start = performance.now();
  await run();
  console.log(`ok ${name} (${Math.round(performance.now() - start)} ms)`);
};
const button = (name) => page.getByRole('button', { name, exact: true });
const field = (name) => page.getByLabel(name, { exact: true });

const inspect = async (name) => problems.push(...(await faults(page, name)));

/** A desk in light and a phone in dark: what is wrong with colours or with widths is wrong in one of them. */
const VIEWS = [
  { width: 1440, colorScheme: 'light' },
  { width: 390, colorScheme: 'dark' },
];

async function inspectAll(list, words = '') {
  for (const [name, path] of Object.entries(list)) {
    await go(path);
    for (const { width, colorScheme } of VIEWS) {
      await page.setViewportSize({ width, height: 900 });
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await inspect(`${name} at ${width}, ${colorScheme}${words}`);
    }
  }
  await page.setViewportSize({ width: 1280, height: 900 });
  await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' });
}

try {
  await step('public pages', () => inspectAll(PUBLIC));

  await step('what cannot be signed in with is told beside the field', async () => {
    await go('/login');
    await button('Sign in').click();
    await page.getByText('This field is required').first().waitFor();
    await field('Username').fill('nobody');
    await field('Password').fill('wrong');
    await button('Sign in').click();
    await page.getByText('User not found').waitFor();
    assert.equal(await field('Username').getAttribute('aria-invalid'), 'true');
    await field('Username').fill('admin');
    await button('Sign in').click();
    await page.getByText('Invalid password').waitFor();
    assert.equal(await field('Password').getAttribute('aria-invalid'), 'true');
  });

  await step('a second factor is asked for', async () => {
    await go('/login');
    await field('Username').fill('careful');
    await field('Password').fill('right');
    await button('Sign in').click();
    const code = page.getByLabel('6-digit code');
    await code.fill('000000');
    await button('Confirm').click();
    await page.getByText('Invalid 2FA token. Please try again.').waitFor();
    await inspect('the code');
    await code.fill('123456');
    await button('Confirm').click();
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
    assert.equal(await page.getByRole('link', { name: 'Users' }).count(), 0);
    await go('/app/users');
    await page.getByRole('heading', { name: 'You may not see this page' }).waitFor();
    await go('/logout');
    await page.waitForURL(/#\/$/);
  });

  await step('who is not signed in comes back to where they wanted', async () => {
    await go('/app/scopes');
    await page.waitForURL(/#\/$/);
    await page.getByRole('main').getByRole('link', { name: 'Sign in' }).click();
    await field('Username').fill('reader');
    await field('Password').fill('right');
    await button('Sign in').click();
    await page.getByRole('heading', { name: 'Scopes', level: 1 }).waitFor();
  });

  await step('a user of the lowest role sees nothing that changes', async () => {
    for (const path of ['/app/catalogs', '/app/catalogs/1', '/app/catalogs/1/controls/1', '/app/scopes', '/app/dashboards', '/app/dashboards/folders/folder000001', '/app/secrets']) {
      await go(path);
      await page.getByRole('heading', { level: 1 }).waitFor();
      const changing = page.getByRole('main').getByRole('button', { name: /^(Add|New|Edit|Delete|Calculate)/ });
      assert.equal(await changing.count(), 0, path);
      assert.equal(await page.getByRole('main').getByRole('checkbox').count(), 0, path);
    }
    await go('/app/system');
    await page.getByText('What is stored').waitFor();
    assert.equal(await page.getByText('Services of the stack').count(), 0);
    await go('/logout');
    await page.waitForURL(/#\/$/);
  });

  await signIn(page, address, 'admin', 'right');
  await step('all pages', () => inspectAll(FAKE_PAGES));

  await step('a service of the stack is looked into and stopped, after a question', async () => {
    await go('/app/system');
    await button('nodered').click();
    const drawer = page.getByRole('dialog', { name: 'nodered' });
    await drawer.getByText('nodered is backoff, for 3 h').waitFor();
    await inspect('the details of a service');
    await drawer.getByRole('tab', { name: 'Events' }).click();
    await drawer.getByText('nodered is backoff', { exact: true }).waitFor();
    await drawer.getByRole('tab', { name: 'Log' }).click();
    await drawer.getByText('line 2 of nodered').waitFor();
    await inspect('the log of a service');
    await drawer.getByRole('button', { name: 'Pause' }).click();
    await drawer.getByRole('button', { name: /^Go on/ }).click();
    await page.keyboard.press('Escape');
    await drawer.waitFor({ state: 'detached' });
    await button('Actions for postgres').click();
    await page.getByRole('menuitem', { name: 'Stop' }).click();
    const question = page.getByRole('alertdialog');
    await question.getByText('will be cut off').waitFor();
    await inspect('the question before a stop');
    await question.getByRole('button', { name: 'Stop' }).click();
    await page.getByText('postgres is stopped').waitFor();
    await page.getByText('Stopped by hand').waitFor();
  });

  await step('a form is checked as it is typed into, and shows what the server refuses', async () => {
    await go('/app/scopes');
    await button('Add scope').click();
    await inspect('the form of a scope');
    await field('Name').fill('Wrong Name');
    await page.getByRole('alert').filter({ hasText: 'Lower-case letters' }).waitFor();
    await field('Name').fill('taken');
    await field('Description').fill('d');
    await button('Save').click();
    await page.getByText('name is taken').waitFor();
    await field('Name').fill('office');
    await button('Save').click();
    await page.getByText('Scope saved').waitFor();
    await page.getByText('Office', { exact: true }).waitFor();
  });

  await step('a catalog is made in three steps, and its draft outlives the page', async () => {
    await go('/app/catalogs/new');
    await field('Catalog name').fill('Quality');
    await field('Description').fill('ISO 9001');
    await field('Start date').fill('2026-01-01');
    await field('End date').fill('2025-01-01');
    await page.getByText('must not be before').waitFor();
    await field('End date').fill('2026-12-31');
    await button('Next step').click();
    await page.getByRole('heading', { name: 'Controls' }).waitFor();
    await page.reload();
    await page.getByRole('heading', { name: 'Controls' }).waitFor();
    await button('Next step').click();
    await page.getByText('Add at least one control.').waitFor();
    await button('Add new control').click();
    await inspect('the form of a control');
    await field('Name').fill('Reviews');
    await page.getByLabel('Mashup').selectOption({ label: 'Consent check (/consent)' });
    assert.equal(await page.getByRole('textbox', { name: 'Endpoint' }).inputValue(), '/consent');
    await page.getByRole('textbox', { name: 'Threshold' }).fill('90');
    await button('Save').click();
    await page.getByText('Reviews').waitFor();
    await button('Next step').click();
    await page.getByRole('switch').click();
    await button('Complete').click();
    await page.getByRole('heading', { name: 'Quality', level: 1 }).waitFor();
    assert.equal(state.catalogs.at(-1).status, 'finalized');
    assert.deepEqual(state.controls.at(-1).params, { endpoint: '/consent', threshold: 90 });
  });

  await step('the value of a new secret is shown once', async () => {
    await go('/app/secrets');
    await button('New secret').click();
    await field('Name').fill('token');
    await field('Value').fill('s3cret');
    await button('Save').click();
    await page.getByRole('heading', { name: 'Copy the value now' }).waitFor();
    await page.getByText('s3cret').waitFor();
    await inspect('the value of a secret');
    await button('I have copied it').click();
    assert.equal(await page.getByText('s3cret').count(), 0);
  });

  await step('a second factor is set up', async () => {
    await go('/app/setting-2fa');
    await button('Enable 2FA').click();
    await page.getByLabel('6-digit code').fill('111111');
    await button('Confirm').click();
    await page.getByRole('alert').filter({ hasText: 'Invalid 2FA code' }).waitFor();
    await page.getByLabel('6-digit code').fill('123456');
    await button('Confirm').click();
    await button('Disable 2FA').waitFor();
  });

  await step('the keyboard reaches everything', async () => {
    await go('/app/catalogs');
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Skip to content');
    await page.keyboard.press('Enter');
    assert.equal(await page.evaluate(() => document.activeElement.tagName), 'MAIN');
    await page.keyboard.press('Control+b');
    assert.equal(await page.evaluate(() => localStorage.getItem('sidebar:state')), 'false');
    await page.keyboard.press('Control+b');
    await button('Actions for Privacy').focus();
    await page.keyboard.press('Enter');
    await inspect('a menu');
    await page.keyboard.press('Escape');
    assert.equal(await page.evaluate(() => document.activeElement.getAttribute('aria-label')), 'Actions for Privacy');
  });

  await step('Spanish', async () => {
    await page.evaluate(() => localStorage.setItem('language', 'es'));
    await go('/app/catalogs');
    await page.getByRole('heading', { name: 'Catálogos' }).waitFor();
    assert.equal(await page.evaluate(() => document.documentElement.lang), 'es');
    await inspectAll({ landing: '/', home: '/app', catalog: '/app/catalogs/1', control: '/app/catalogs/1/controls/1' }, ', Spanish');
    await page.evaluate(() => localStorage.setItem('language', 'en'));
  });

  await step('a server that is away is told, and asked again', async () => {
    state.down = true;
    await go('/app/scopes');
    await page.getByText('The API cannot be reached').waitFor();
    await inspect('a page without its server');
    state.down = false;
    await button('Try again').click();
    await page.getByText('Country', { exact: true }).waitFor();
  });

  await step('while an answer takes its time, that is shown, and nothing is sent twice', async () => {
    state.slowMs = 1000;
    await page.goto('about:blank');
    await page.goto(`${address}/#/app/scopes`);
    await page.getByRole('status').getByText('Loading').first().waitFor({ state: 'attached' });
    await page.getByText('Country', { exact: true }).waitFor();
    await button('Add scope').click();
    await field('Name').fill('slow');
    await field('Description').fill('d');
    const before = state.scopes.length;
    await button('Save').dblclick();
    assert.equal(await button('Save').isDisabled(), true);
    await page.getByText('Scope saved').waitFor();
    assert.equal(state.scopes.length, before + 1);
    state.slowMs = 0;
  });

  await step('without a network, that is said', async () => {
    await page.context().setOffline(true);
    await page.getByText('You are offline').first().waitFor();
    await page.context().setOffline(false);
  });

  await step('a session that has ended leads to the sign-in', async () => {
    state.expired = true;
    await page.getByRole('link', { name: 'Secrets' }).click();
    await page.getByText('Session expired. Please sign in again.').waitFor();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  });
} finally {
  await close();
  stop();
}
for (const problem of new Set(problems)) console.error(problem);
if (problems.length > 0) process.exit(1);

// The same walk as a person's first day, against a running stack with its demonstration accounts. It makes a catalog with a
// control, a scope, a secret and a user, and deletes them again.
//   npm run build && STATUS_API=… STATUS_NODE_RED=… STATUS_GRAFANA=… NODE_RED_PASSWORD=… npm run live
// NODE_RED_PASSWORD is the administrator's (`reeve credentials nodered`); without it the steps that need Node-RED are left out.
import assert from 'node:assert/strict';
import { browse, preview, signIn } from './harness.mjs';

const { STATUS_USER = 'admin', STATUS_PASSWORD = 'admin123', NODE_RED_USER = 'admin', NODE_RED_PASSWORD } = process.env;
/** Names that no earlier walk has left. */
const tag = Date.now().toString(36);
const CATALOG = `Walk ${tag}`;

const { address, stop } = await preview();
const { page, close } = await browse();
page.setDefaultTimeout(20_000);
const problems = [];
page.on('pageerror', (error) => problems.push(`error on ${page.url()}: ${error.message}`));

const button = (name) => page.getByRole('button', { name, exact: true });
const field = (name) => page.getByLabel(name, { exact: true });
const textbox = (name) => page.getByRole('textbox', { name });
const said = (text) => page.getByText(text).first().waitFor();
const go = async (path) => {
  await page.goto('about:blank');
  await page.goto(`${address}/#${path}`);
  await page.waitForLoadState('networkidle');
};
const confirm = (name = 'Delete') => page.getByRole('alertdialog').getByRole('button', { name }).click();
const step = async (name, run) => {
  const start = performance.now();
  await run();
  console.log(`ok ${name} (${Math.round(performance.now() - start)} ms)`);
};

try {
  await signIn(page, address, STATUS_USER, STATUS_PASSWORD);

  if (NODE_RED_PASSWORD) {
    await step('Node-RED refuses, then lets in', async () => {
      await go('/app/mashups');
      await field('Username').fill(NODE_RED_USER);
      await field('Password').fill('wrong');
      await button('Connect to Node-RED').click();
      await said('Node-RED does not know this name with this password.');
      await field('Password').fill(NODE_RED_PASSWORD);
      await button('Connect to Node-RED').click();
      await page.getByRole('table', { name: 'Mashups' }).waitFor();
    });
  }

  await step('a scope', async () => {
    await go('/app/scopes');
    await button('Add scope').click();
    await field('Name').fill('walk_scope');
    await field('Description').fill('Made by a walk');
    await button('Save').click();
    await said('Scope saved');
  });

  await step('a catalog in three steps, its dashboard only if Grafana is there', async () => {
    await go('/app/catalogs/new');
    await field('Catalog name').fill(CATALOG);
    await field('Description').fill('Made by a walk');
    await field('Start date').fill('2026-01-01');
    await field('End date').fill('2026-12-31');
    await button('Next step').click();
    await button('Add new control').click();
    await field('Name').fill('Walked control');
    await textbox('Endpoint').fill('/bpi');
    await textbox('Threshold').fill('10');
    await page.getByLabel('Name for Scopes').selectOption('walk_scope');
    await page.getByLabel('Value for Scopes').fill('here');
    await button('Add to Scopes').click();
    await button('Save').click();
    await said('Control saved');
    await button('Next step').click();
    await page.getByRole('switch').waitFor();
    await button('Complete').click();
    const refused = page.getByText('The dashboard could not be made');
    await Promise.race([refused.waitFor(), said('Catalog created')]);
    if (await refused.count()) {
      await page.getByRole('switch').click();
      await button('Complete').click();
    }
    await said('Catalog created');
    await page.getByRole('link', { name: 'Walked control' }).waitFor();
  });

  await step('its control is changed, and keeps its scopes', async () => {
    await page.getByRole('link', { name: 'Walked control' }).click();
    await said('here');
    await button('Edit').click();
    assert.equal(await textbox('Threshold').inputValue(), '10');
    await textbox('Threshold').fill('20');
    await button('Save').click();
    await said('threshold: 20');
  });

  await step('the catalog is renamed and deleted', async () => {
    await go('/app/catalogs');
    await page.getByRole('searchbox').fill(tag);
    await button(`Actions for ${CATALOG}`).click();
    await page.getByRole('menuitem', { name: 'Edit' }).click();
    await field('Catalog name').fill(`${CATALOG} b`);
    await button('Save').click();
    await said('Catalog saved');
    await page.getByRole('link', { name: `${CATALOG} b` }).click();
    await page.getByLabel('Select Walked control').check();
    await button('Delete 1').click();
    await confirm();
    await said('1 control deleted');
    await go('/app/catalogs');
    await page.getByRole('searchbox').fill(tag);
    await button(`Actions for ${CATALOG} b`).click();
    await page.getByRole('menuitem', { name: 'Delete' }).click();
    await confirm();
    await said('1 catalog deleted');
  });

  await step('a secret is made, renamed without a new value, refused twice, deleted', async () => {
    await go('/app/secrets');
    await button('New secret').click();
    await field('Name').fill(`walk ${tag}`);
    await field('Value').fill('value');
    await button('Save').click();
    await button('I have copied it').click();
    await button(`Edit walk_${tag}`).click();
    await field('Name').fill(`walked_${tag}`);
    await button('Save').click();
    await said('Secret saved');
    await button('New secret').click();
    await field('Name').fill(`walked_${tag}`);
    await field('Value').fill('value');
    await button('Save').click();
    await said('A secret with this name already exists.');
    await button('Cancel').click();
    await button(`Delete walked_${tag}`).click();
    await confirm();
    await said('Secret deleted');
  });

  await step('the scope is deleted', async () => {
    await go('/app/scopes');
    for (const box of await page.getByLabel('Select Walk scope').all()) await box.check();
    await page.getByRole('button', { name: /^Delete \d/ }).click();
    await confirm();
    await said(/scopes? deleted/);
  });

  await step('a user is refused, made, signs in, and is deleted', async () => {
    await go('/app/users');
    await button('Add user').click();
    await field('Username').fill(STATUS_USER);
    await field('E-mail').fill(`${tag}@example.com`);
    await field('Password').fill('longenough');
    await button('Create').click();
    await said('Username already exists');
    await field('Username').fill(`walk${tag}`);
    await button('Create').click();
    await said(`User walk${tag} created`);
    await go('/logout');
    await page.waitForURL(/#\/$/);
    await signIn(page, address, `walk${tag}`, 'longenough');
    await go('/app/setting-2fa');
    await button('Enable 2FA').click();
    await page.getByAltText('QR code for the authenticator app').waitFor();
    await page.getByLabel('6-digit code').fill('000000');
    await button('Confirm').click();
    await said('Invalid 2FA code');
    await go('/logout');
    await page.waitForURL(/#\/$/);
    await signIn(page, address, STATUS_USER, STATUS_PASSWORD);
    await go('/app/users');
    await button(`Delete walk${tag}`).click();
    await confirm();
    await said('User deleted');
  });
} finally {
  await close();
  stop();
}
for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exit(1);

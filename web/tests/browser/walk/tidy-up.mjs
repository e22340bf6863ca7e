// What the walk has made is deleted, each in its own way; then the administrator signs out.
import { signIn } from '../harness.mjs';

export async function tidyUp(walk) {
  const { page, step, go, button, field, said, confirm, shoot, tag, name, catalog, administrator } = walk;

  await step('the catalog is renamed and deleted, its control before it', async () => {
    await signIn(page, walk.address, administrator.username, administrator.password);
    await go('/app/catalogs');
    await page.getByRole('searchbox').fill(tag);
    await button(`Actions for ${catalog}`).click();
    await page.getByRole('menuitem', { name: 'Edit' }).click();
    await field('Catalog name').fill(`${catalog} b`);
    await button('Save').click();
    await said('Catalog saved');
    await page.getByRole('link', { name: `${catalog} b`, exact: true }).click();
    await page.getByLabel('Select Consent is recorded').check();
    await button('Delete 1').click();
    await shoot('confirm', ['light']);
    await confirm();
    await said('1 control deleted');
    await go('/app/catalogs');
    await page.getByRole('searchbox').fill(tag);
    await button(`Actions for ${catalog} b`).click();
    await page.getByRole('menuitem', { name: 'Delete' }).click();
    await confirm();
    await said('1 catalog deleted');
  });

  await step('dashboards and folders are deleted', async () => {
    await go('/app/dashboards');
    await page.getByLabel(`Select Folder ${name}`).check();
    await page.getByLabel(`Select ${catalog} dashboard`).check();
    await button('Delete 2').click();
    await confirm();
    await said('2 items deleted');
  });

  await step('the scope is deleted', async () => {
    await go('/app/scopes');
    await page.getByRole('searchbox').first().fill(tag);
    await page.getByRole('checkbox', { name: /^Select Walk/ }).check();
    await button('Delete 1').click();
    await confirm();
    await said('1 scope deleted');
  });

  await step('the flow is deleted', async () => {
    await go('/app/mashups');
    await field('Username').fill(walk.nodeRed.username);
    await field('Password').fill(walk.nodeRed.password);
    await button('Connect to Node-RED').click();
    await button(`Actions for ${name}`).click();
    await page.getByRole('menuitem', { name: 'Delete' }).click();
    await confirm();
    await said('Mashup deleted');
  });

  await step('the user is deleted', async () => {
    await go('/app/users');
    await button(`Delete ${name}`).click();
    await confirm();
    await said('User deleted');
  });

  await step('sign-out', async () => {
    await page.getByRole('button', { name: /^Account of/ }).click();
    await page.getByRole('menuitem', { name: 'Sign out' }).click();
    await page.waitForURL(/#\/$/);
    await go('/app/catalogs');
    await page.waitForURL(/#\/$/);
  });
}

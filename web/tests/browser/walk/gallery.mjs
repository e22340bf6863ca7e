// Every page, as an administrator sees it, now that there is something to see; then some in Spanish.
import { administratorPages } from '../pages.mjs';

export async function gallery(walk) {
  const { page, step, go, button, field, said, confirm, shoot, watched, tag } = walk;

  await step('a secret is made, renamed without a new value, refused twice', async () => {
    await go('/app/secrets');
    await button('New secret').click();
    await field('Name').fill(`walk ${tag}`);
    await field('Value').fill('value');
    await button('Save').click();
    await page.getByRole('heading', { name: 'Copy the value now' }).waitFor();
    await shoot('secret-once', ['light']);
    await button('I have copied it').click();
    await button(`Edit walk_${tag}`).click();
    await field('Name').fill(`walked_${tag}`);
    await button('Save').click();
    await said('Secret saved');
    await watched.expecting([/^409 .*secrets/], async () => {
      await button('New secret').click();
      await field('Name').fill(`walked_${tag}`);
      await field('Value').fill('value');
      await button('Save').click();
      await said('A secret with this name already exists.');
    });
    await button('Cancel').click();
  });

  await step('all pages', async () => {
    const { control, computation, dashboard, folder } = walk;
    for (const [name, path] of Object.entries(administratorPages({ control, computation, dashboard, folder }))) {
      await go(path);
      await shoot(name);
    }
  });

  await step('in Spanish', async () => {
    await page.evaluate(() => localStorage.setItem('language', 'es'));
    for (const [name, path] of Object.entries({ 'es-home': '/app', 'es-control': walk.control, 'es-wizard': '/app/catalogs/new', 'es-users': '/app/users', 'es-system': '/app/system' })) {
      await go(path);
      await shoot(name, ['light']);
    }
    await page.evaluate(() => localStorage.setItem('language', 'en'));
  });

  await step('the secret is deleted', async () => {
    await go('/app/secrets');
    await button(`Delete walked_${tag}`).click();
    await confirm();
    await said('Secret deleted');
  });
}

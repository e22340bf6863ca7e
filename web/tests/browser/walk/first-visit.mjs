// The first minutes: what a first visit costs, the pages before the sign-in, what cannot be signed in with, the sign-in.
import assert from 'node:assert/strict';
import { PUBLIC } from '../pages.mjs';
import { measure } from '../measure.mjs';

export async function firstVisit(walk) {
  const { page, step, go, button, field, said, shoot, watched, administrator } = walk;

  await step('a first visit is cheap', async () => {
    console.log(await measure(page, `${walk.address}/`, watched.note));
  });

  await step('pages before the sign-in', async () => {
    for (const [name, path] of Object.entries(PUBLIC)) {
      await go(path);
      await shoot(name);
    }
  });

  await step('what cannot be signed in with is told beside the field', async () => {
    await go('/login');
    await button('Sign in').click();
    await said('This field is required');
    await watched.expecting([/^404 .*signIn/, /^401 .*signIn/], async () => {
      await field('Username').fill('nobody');
      await field('Password').fill('wrong');
      await button('Sign in').click();
      await said('User not found');
      assert.equal(await field('Username').getAttribute('aria-invalid'), 'true');
      await field('Username').fill(administrator.username);
      await button('Sign in').click();
      await said('Invalid password');
      assert.equal(await field('Password').getAttribute('aria-invalid'), 'true');
    });
    await shoot('login-refused', ['light']);
  });

  await step('sign-in, to where one wanted to be', async () => {
    await go('/app/scopes');
    await page.waitForURL(/#\/$/);
    await page.getByRole('main').getByRole('link', { name: 'Sign in' }).click();
    await field('Username').fill(administrator.username);
    await field('Password').fill(administrator.password);
    await button('Sign in').click();
    await page.getByRole('heading', { name: 'Scopes', level: 1 }).waitFor();
  });

  await step('the overview is cheap, too', async () => {
    console.log(await measure(page, `${walk.address}/#/app`, watched.note));
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
  });
}

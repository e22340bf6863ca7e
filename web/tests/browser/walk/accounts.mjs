// Users: made by the administrator; what the lowest role sees; a second factor from its set-up to a sign-in with it.
import assert from 'node:assert/strict';
import { signIn } from '../harness.mjs';
import { code, scan } from '../totp.mjs';

/** Changes nothing for whoever may only look. */
const CHANGING = /^(Add|New|Edit|Delete|Calculate)/;

export async function accounts(walk) {
  const { page, step, go, button, field, said, shoot, watched, name, administrator } = walk;
  const reader = { username: name, password: `long enough ${name}` };
  const signOut = async () => {
    await go('/logout');
    await page.waitForURL(/#\/$/);
  };

  await step('a user is refused, then made', async () => {
    await go('/app/users');
    await button('Add user').click();
    await field('E-mail').fill('not an address');
    await field('Password').fill('short');
    await field('Username').fill('with spaces');
    await said('Letters and digits only');
    await said('This is not an e-mail address');
    await shoot('user-form', ['light']);
    await field('E-mail').fill(`${name}@example.com`);
    await field('Password').fill(reader.password);
    await watched.expecting([/^400 .*signUp|^409 .*signUp/], async () => {
      await field('Username').fill(administrator.username);
      await button('Create').click();
      await said('Username already exists');
    });
    await field('Username').fill(reader.username);
    await button('Create').click();
    await said(`User ${reader.username} created`);
    await signOut();
  });

  await step('who may only look sees no page of administrators, and nothing that changes', async () => {
    await signIn(page, walk.address, reader.username, reader.password);
    const menu = page.getByRole('navigation', { name: 'Main' });
    for (const link of ['Users', 'Configuration', 'Editor']) assert.equal(await menu.getByRole('link', { name: link }).count(), 0, link);
    for (const path of ['/app/users', '/app/configuration']) {
      await go(path);
      await page.getByRole('heading', { name: 'You may not see this page' }).waitFor();
    }
    for (const path of ['/app/catalogs', walk.control.replace(/\/controls\/.*/, ''), walk.control, '/app/scopes', '/app/dashboards', walk.folder, '/app/secrets']) {
      await go(path);
      await page.getByRole('heading', { level: 1 }).waitFor();
      assert.equal(await page.getByRole('main').getByRole('button', { name: CHANGING }).count(), 0, path);
      assert.equal(await page.getByRole('main').getByRole('checkbox').count(), 0, path);
    }
    await go('/app');
    await shoot('home-reader', ['light']);
  });

  await step('a second factor is set up with the code that a phone shows', async () => {
    await go('/app/setting-2fa');
    await button('Enable 2FA').click();
    const picture = page.getByAltText('QR code for the authenticator app');
    await picture.waitFor();
    await shoot('twofa-scan', ['light']);
    walk.secret = await scan(picture);
    await watched.expecting([/^401 .*2fa\/verify/], async () => {
      await field('6-digit code').fill('000000');
      await button('Confirm').click();
      await said('Invalid 2FA code');
    });
    await field('6-digit code').fill(code(walk.secret));
    await button('Confirm').click();
    await button('Disable 2FA').waitFor();
    await signOut();
  });

  await step('and asked for at the sign-in: a wrong code is refused, the next one lets in', async () => {
    await watched.expecting([/^401 .*signIn/], async () => {
      await go('/login');
      await field('Username').fill(reader.username);
      await field('Password').fill(reader.password);
      await button('Sign in').click();
      await field('6-digit code').waitFor();
      await shoot('login-code', ['light']);
      await field('6-digit code').fill('000000');
      await button('Confirm').click();
      await said('Invalid 2FA token');
    });
    // A code is good once; the one of the next half minute is taken as well, as for a phone whose clock is fast.
    await field('6-digit code').fill(code(walk.secret, 1));
    await button('Confirm').click();
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
    await signOut();
  });
}

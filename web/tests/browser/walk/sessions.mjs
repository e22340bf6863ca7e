// A session that runs out: renewed as long as the server agrees, and ended with a word when it does not.
import assert from 'node:assert/strict';
import { signIn } from '../harness.mjs';

const ACCESS = 'accessToken';

export async function sessions(walk) {
  const { page, step, said, watched, administrator } = walk;
  const context = page.context();
  const spoil = async (wanted) => {
    const cookies = (await context.cookies(walk.address)).filter(({ name }) => wanted(name));
    assert.ok(cookies.length > 0, 'cookies of a session');
    await context.clearCookies();
    const kept = [...(await context.cookies()), ...cookies];
    await context.addCookies(kept.map((cookie) => ({ ...cookie, value: `${cookie.value.slice(0, -4)}AAAA` })));
  };

  await step('an invalid token is renewed, and nobody notices', async () => {
    await signIn(page, walk.address, administrator.username, administrator.password);
    const all = await context.cookies(walk.address);
    const access = all.find(({ name }) => name === ACCESS);
    assert.ok(access?.httpOnly, `an access token that scripts cannot read, in ${all.map(({ name }) => name)}`);
    await context.addCookies([{ ...access, value: `${access.value.slice(0, -6)}AAAAAA` }]);
    const renewed = page.waitForResponse((response) => response.url().endsWith('/users/auth/refresh') && response.ok());
    await watched.expecting([/^401 .*backend\//], async () => {
      await page.getByRole('link', { name: 'Secrets' }).click();
      await renewed;
      await page.getByRole('heading', { name: 'Secrets', level: 1 }).waitFor();
      await said('No secrets yet');
    });
  });

  await step('when renewing is refused, that is said, and the sign-in is shown', async () => {
    await spoil(() => true);
    await watched.expecting([/^40[13] .*backend\//, /^404 .*signOut/], async () => {
      await page.getByRole('link', { name: 'Scopes' }).click();
      await said('Session expired. Please sign in again.');
      await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    });
    await walk.shoot('session-expired', ['light']);
  });
}

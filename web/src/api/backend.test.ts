import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { get, post, renew, signOut, whenExpired } from './backend';
import { ApiError } from './error';
import { bearer, session, startSession } from './session';

type Answer = { status: number; body?: unknown };

/** A server that answers by method and path; each call is kept. */
function serve(answer: (path: string, init: RequestInit, count: number) => Answer) {
  const calls: { path: string; init: RequestInit }[] = [];
  vi.stubGlobal('fetch', async (url: string, init: RequestInit) => {
    const path = url.replace('/backend', '');
    calls.push({ path, init });
    await Promise.resolve();
    const { status, body } = answer(path, init, calls.filter((call) => call.path === path).length);
    return new Response(body === undefined ? null : JSON.stringify(body), { status });
  });
  return calls;
}

const signedIn = { username: 'ada', email: 'ada@example.com', authority: 'ADMIN' as const, accessToken: 'old', refreshToken: 'r' };
const expired = { status: 401, body: { message: 'No token provided' } };

beforeEach(() => startSession(signedIn));
afterEach(() => {
  vi.unstubAllGlobals();
  whenExpired(() => {});
});

describe('an expired session', () => {
  it('is renewed once for all that wait, and each call is repeated with the new token', async () => {
    const calls = serve((path, _init, count) => {
      if (path === '/users/auth/refresh') return { status: 200, body: { accessToken: 'new' } };
      return count === 1 ? expired : { status: 200, body: [path] };
    });
    const answers = await Promise.all([get('/catalogs'), get('/scopes'), get('/controls')]);
    expect(answers).toEqual([['/catalogs'], ['/scopes'], ['/controls']]);
    expect(calls.filter(({ path }) => path === '/users/auth/refresh')).toHaveLength(1);
    const repeated = calls.filter(({ path }) => path === '/catalogs')[1];
    expect((repeated?.init.headers as Record<string, string>).authorization).toBe('Bearer new');
    expect(bearer()).toBe('new');
  });

  it('ends when it cannot be renewed, and that is told once', async () => {
    const told = vi.fn();
    whenExpired(told);
    const calls = serve((path) => {
      if (path === '/users/auth/refresh') return { status: 403, body: { message: 'Invalid refresh token' } };
      if (path === '/users/signOut') return { status: 404, body: { message: 'No user found for provided refresh token' } };
      return expired;
    });
    const results = await Promise.allSettled([get('/catalogs'), get('/scopes')]);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(session()).toBeNull();
    expect(told).toHaveBeenCalledOnce();
    expect(calls.filter(({ path }) => path === '/users/signOut')).toHaveLength(1);
  });

  it('does not hang when the refresh itself is answered with 401', async () => {
    serve((path) => (path === '/users/signOut' ? { status: 204 } : expired));
    await expect(get('/catalogs')).rejects.toBeInstanceOf(ApiError);
    expect(session()).toBeNull();
  });

  it('is not signed out of before a refresh under way has ended', async () => {
    const calls = serve((path) => (path === '/users/auth/refresh' ? { status: 200, body: { accessToken: 'new' } } : { status: 204 }));
    const renewal = renew();
    await signOut();
    await renewal;
    expect(calls.map(({ path }) => path)).toEqual(['/users/auth/refresh', '/users/signOut']);
    expect(session()).toBeNull();
  });

  it('is not renewed while it is signed out of', async () => {
    const told = vi.fn();
    whenExpired(told);
    const calls = serve((path) => (path === '/users/signOut' ? { status: 204 } : { status: 403, body: { message: 'Invalid refresh token' } }));
    // In the same turn, as a page does that is loaded at the address of the sign-out.
    const leaving = signOut();
    await expect(renew()).rejects.toBeInstanceOf(ApiError);
    await leaving;
    expect(calls.map(({ path }) => path)).toEqual(['/users/signOut']);
    expect(told).not.toHaveBeenCalled();
  });

  it('survives a server that is away while it is renewed', async () => {
    serve((path) => (path === '/users/auth/refresh' ? { status: 503, body: { message: 'away' } } : expired));
    await expect(get('/catalogs')).rejects.toMatchObject({ status: 503 });
    expect(session()?.username).toBe('ada');
  });

  it('passes a second 401 to the caller', async () => {
    const calls = serve((path) => (path === '/users/auth/refresh' ? { status: 200, body: { accessToken: 'new' } } : expired));
    await expect(get('/catalogs')).rejects.toMatchObject({ status: 401 });
    expect(calls.filter(({ path }) => path === '/catalogs')).toHaveLength(2);
    expect(session()).not.toBeNull();
  });
});

describe('a 401 about what was sent', () => {
  it('does not touch the session', async () => {
    const calls = serve(() => ({ status: 401, body: { message: 'Invalid 2FA token' } }));
    await expect(post('/users/2fa/verify', { totpToken: '000000' })).rejects.toMatchObject({ message: 'Invalid 2FA token' });
    expect(calls).toHaveLength(1);
  });

  it('is told from an expired session by its text', async () => {
    const calls = serve((path, _init, count) => {
      if (path === '/users/auth/refresh') return { status: 200, body: { accessToken: 'new' } };
      return count === 1 ? expired : { status: 200, body: { message: 'done' } };
    });
    await post('/users/2fa/verify', { totpToken: '123456' });
    expect(calls.map(({ path }) => path)).toEqual(['/users/2fa/verify', '/users/auth/refresh', '/users/2fa/verify']);
  });
});

it('keeps tokens of the backend out of the browser’s storage', async () => {
  serve(() => ({ status: 200, body: { accessToken: 'secret-token' } }));
  await renew();
  expect(JSON.stringify({ ...localStorage })).not.toContain('secret-token');
  expect(JSON.stringify({ ...localStorage })).not.toContain('"r"');
});

// Calls to the backend. A first 401 renews the session once, whoever waits for it, and repeats the call; when the session
// cannot be renewed it ends, and who asked to be told is told.

import { config } from './config';
import { ApiError } from './error';
import { address, exchange, type Call, type Method } from './request';
import type { AccessToken } from './schema';
import { bearer, endSession, session, setBearer } from './session';

/** What the guard says. Other texts of a 401 are about what was sent: a wrong password, a wrong code. */
const GUARD_TEXTS = new Set([
  'No token provided',
  'Unauthorized',
  'Unauthorized: Invalid token',
  'Refresh token not provided',
  'Invalid refresh token',
  'Invalid user in refresh token',
]);
const OWN_401 = ['/users/signIn', '/users/2fa/'];

let renewing: Promise<void> | undefined;
let leaving: Promise<void> | undefined;
let onExpired: () => void = () => {};

/** Called once when a session has ended by itself. */
export function whenExpired(listener: () => void) {
  onExpired = listener;
}

function once<T>(method: Method, path: string, call?: Call): Promise<T> {
  return exchange<T>(method, address(config().backend, path, call?.query), call);
}

export async function call<T>(method: Method, path: string, given: Call = {}): Promise<T> {
  try {
    return await once<T>(method, path, given);
  } catch (error) {
    if (!session() || !isExpiry(error, path)) throw error;
    await renew();
    const token = bearer();
    const headers = token ? { ...given.headers, authorization: `Bearer ${token}` } : given.headers;
    return once<T>(method, path, { ...given, headers });
  }
}

function isExpiry(error: unknown, path: string): boolean {
  if (!(error instanceof ApiError) || error.status !== 401) return false;
  return !OWN_401.some((prefix) => path.startsWith(prefix)) || GUARD_TEXTS.has(error.message);
}

/** One refresh at a time: who comes while it runs waits for the same one. None for a session that is being ended. */
export function renew(): Promise<void> {
  if (leaving) return leaving.then(() => Promise.reject(new ApiError('http', 'signed out', 401)));
  renewing ??= refresh().finally(() => {
    renewing = undefined;
  });
  return renewing;
}

async function refresh(): Promise<void> {
  try {
    const { accessToken } = await once<AccessToken>('GET', '/users/auth/refresh');
    setBearer(accessToken);
  } catch (error) {
    // A server that is away says nothing about the session.
    if (error instanceof ApiError && error.status >= 400 && error.status < 500 && error.status !== 429 && session()) {
      await leave();
      onExpired();
    }
    throw error;
  }
}

/** A refresh that is under way comes first: its failure must not end the session of who signs in next. None begins from now on. */
export function signOut(): Promise<void> {
  leaving ??= leaveAfter(renewing).finally(() => {
    leaving = undefined;
  });
  return leaving;
}

async function leaveAfter(refreshing: Promise<void> | undefined): Promise<void> {
  await refreshing?.catch(() => undefined);
  if (session()) await leave();
}

/** Ends the session here whatever the server says: it may have forgotten it already. */
async function leave(): Promise<void> {
  try {
    await once('GET', '/users/signOut');
  } catch (error) {
    console.warn('the server could not be told of the sign-out', error);
  }
  endSession();
}

export const get = <T>(path: string, given?: Call) => call<T>('GET', path, given);
export const post = <T>(path: string, body?: unknown) => call<T>('POST', path, { body });
export const put = <T>(path: string, body?: unknown) => call<T>('PUT', path, { body });
export const patch = <T>(path: string, body?: unknown) => call<T>('PATCH', path, { body });
export const del = (path: string) => call<void>('DELETE', path);

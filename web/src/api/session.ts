// Who is signed in: kept across reloads and tabs. Tokens of the backend stay in its HttpOnly cookies; the access token of the
// last refresh is in memory only. Never asks a server.

import type { Role, SignedIn } from './schema';

export interface Session {
  username: string;
  email: string;
  authority: Role;
}

const USER = 'userData';
const NODE_RED = 'token';

type Listener = () => void;
const listeners = new Set<Listener>();
let accessToken: string | undefined;
let cached: { text: string | null; session: Session | null } = { text: null, session: null };

function storage(): Storage | undefined {
  try {
    return window.localStorage;
  } catch {
    return undefined; // Refused by the browser: the session then lives until the page is left.
  }
}

function notify() {
  listeners.forEach((listener) => listener());
}

function read(text: string | null): Session | null {
  if (!text) return null;
  try {
    const value = JSON.parse(text) as Partial<Session> & { requires2FA?: boolean };
    if (!value || value.requires2FA || !value.username || !value.authority) return null;
    return { username: value.username, email: value.email ?? '', authority: value.authority };
  } catch {
    return null;
  }
}

/** The same object as long as nothing changed. */
export function session(): Session | null {
  const text = storage()?.getItem(USER) ?? null;
  if (text !== cached.text) cached = { text, session: read(text) };
  return cached.session;
}

export function startSession(reply: SignedIn) {
  accessToken = reply.accessToken;
  const kept: Session = { username: reply.username, email: reply.email, authority: reply.authority };
  storage()?.setItem(USER, JSON.stringify(kept));
  setNodeRedToken(reply.nodeRedToken ?? undefined);
}

export function endSession() {
  accessToken = undefined;
  storage()?.setItem(USER, 'null');
  setNodeRedToken(undefined);
}

export function bearer(): string | undefined {
  return accessToken;
}

export function setBearer(token: string) {
  accessToken = token;
}

export function nodeRedToken(): string | null {
  const text = storage()?.getItem(NODE_RED);
  try {
    return text ? (JSON.parse(text) as string) : null;
  } catch {
    return null;
  }
}

export function setNodeRedToken(token: string | undefined) {
  if (token) storage()?.setItem(NODE_RED, JSON.stringify(token));
  else storage()?.removeItem(NODE_RED);
  notify();
}

export function onSession(listener: Listener): () => void {
  const other = (event: StorageEvent) => {
    if (event.key === USER || event.key === NODE_RED || event.key === null) listener();
  };
  listeners.add(listener);
  window.addEventListener('storage', other);
  return () => {
    listeners.delete(listener);
    window.removeEventListener('storage', other);
  };
}

// The session as components see it.

import { useSyncExternalStore } from 'react';
import { nodeRedToken, onSession, session, type Session } from '../api/session';

export function useSession(): Session | null {
  return useSyncExternalStore(onSession, session);
}

/** Below the guard there is always one. */
export function useUser(): Session {
  const user = useSession();
  if (!user) throw new Error('used outside the guard');
  return user;
}

/** Users look, developers and administrators change. */
export function useMayEdit(): boolean {
  return useSession()?.authority !== 'USER';
}

export function useNodeRedToken(): string | null {
  return useSyncExternalStore(onSession, nodeRedToken);
}

// Around every page: the bar of a page that is on its way, messages, whether there is a network.

import { useQueryClient } from '@tanstack/react-query';
import { WifiOff } from 'lucide-react';
import { useEffect, useRef, useSyncExternalStore } from 'react';
import { Outlet, ScrollRestoration, useNavigate, useNavigation } from 'react-router';
import { renew, whenExpired } from '../api/backend';
import { isOffline } from '../api/error';
import { session } from '../api/session';
import { Toaster } from '../components/Toaster';
import { toast } from '../components/toasts';
import { useTexts } from '../i18n';
import { useSession } from './session';

function useOnline(): boolean {
  return useSyncExternalStore(
    (listener) => {
      window.addEventListener('online', listener);
      window.addEventListener('offline', listener);
      return () => {
        window.removeEventListener('online', listener);
        window.removeEventListener('offline', listener);
      };
    },
    () => navigator.onLine,
  );
}

/** Another tab may sign out, or in as somebody else: nothing that the former was shown stays. */
function useOwnData() {
  const client = useQueryClient();
  const name = useSession()?.username;
  const before = useRef(name);
  useEffect(() => {
    const former = before.current;
    before.current = name;
    if (!former || former === name) return;
    if (name) void client.resetQueries();
    else client.clear();
  }, [client, name]);
}

/** Once per load of the page, not once per mount. */
let renewed = false;

export function Root() {
  const { t } = useTexts();
  const navigate = useNavigate();
  const navigation = useNavigation();
  const online = useOnline();
  useOwnData();

  useEffect(() => {
    whenExpired(() => {
      toast(t('session.expired'), 'bad');
      void navigate('/login');
    });
  }, [navigate, t]);

  useEffect(() => {
    if (renewed || !session()) return;
    renewed = true;
    renew().catch((error: unknown) => {
      if (!isOffline(error)) console.warn('the session could not be renewed', error);
    });
  }, []);

  return (
    <>
      {navigation.state !== 'idle' && (
        <div className="fixed inset-x-0 top-0 z-[70] h-0.5 animate-pulse bg-accent" role="progressbar" aria-label={t('state.loading')} />
      )}
      {!online && (
        <p role="status" className="flex items-center justify-center gap-2 bg-warn-soft px-4 py-1.5 text-sm font-medium text-warn">
          <WifiOff className="size-4" aria-hidden />
          {t('state.offline')}
        </p>
      )}
      <Outlet />
      <ScrollRestoration />
      <Toaster />
    </>
  );
}

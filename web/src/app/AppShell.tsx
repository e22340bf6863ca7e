// Around every page behind the sign-in: sidebar, breadcrumbs, main area.

import { PanelLeft, X } from 'lucide-react';
import { Dialog } from 'radix-ui';
import { useEffect, useRef, useState } from 'react';
import { Outlet, useLocation } from 'react-router';
import { IconButton } from '../components/Button';
import { useTexts } from '../i18n';
import { Breadcrumbs } from './Breadcrumbs';
import { Sidebar } from './Sidebar';

const KEPT = 'sidebar:state';
const WIDE_SCREEN = '(min-width: 768px)';

function keptState(): boolean {
  try {
    return localStorage.getItem(KEPT) !== 'false';
  } catch {
    return true; // Storage is refused.
  }
}

export function AppShell() {
  const { t } = useTexts();
  const [expanded, setExpanded] = useState(keptState);
  const [sheet, setSheet] = useState(false);
  const main = useRef<HTMLElement>(null);
  const { pathname } = useLocation();
  const first = useRef(true);

  const toggle = () => {
    if (matchMedia(WIDE_SCREEN).matches) setExpanded((state) => !state);
    else setSheet((state) => !state);
  };

  useEffect(() => {
    try {
      localStorage.setItem(KEPT, JSON.stringify(expanded));
    } catch {
      // Storage is refused: until the page is left.
    }
  }, [expanded]);

  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'b') {
        event.preventDefault();
        toggle();
      }
    };
    window.addEventListener('keydown', press);
    return () => window.removeEventListener('keydown', press);
  }, []);

  // A new page begins at its top for the keyboard and for readers, too.
  useEffect(() => {
    if (first.current) first.current = false;
    else main.current?.focus({ preventScroll: true });
  }, [pathname]);

  return (
    <div className="flex min-h-dvh">
      <button
        type="button"
        onClick={() => main.current?.focus()}
        className="sr-only z-50 rounded-lg bg-accent px-4 py-2 text-on-accent focus:not-sr-only focus:fixed focus:top-3 focus:left-3"
      >
        {t('nav.skip')}
      </button>
      <aside className={`sticky top-0 hidden h-dvh shrink-0 border-r border-line bg-surface transition-[width] md:block ${expanded ? 'w-60' : 'w-16'}`}>
        <Sidebar narrow={!expanded} />
      </aside>
      <Dialog.Root open={sheet} onOpenChange={setSheet}>
        <Dialog.Portal>
          <Dialog.Overlay className="fixed inset-0 z-40 bg-black/50 md:hidden" />
          <Dialog.Content aria-describedby={undefined} className="fixed inset-y-0 left-0 z-50 w-72 max-w-[85vw] border-r border-line bg-surface md:hidden">
            <Dialog.Title className="sr-only">{t('nav.menu')}</Dialog.Title>
            <Dialog.Close asChild>
              <IconButton icon={X} label={t('action.close')} className="absolute top-3.5 right-3" />
            </Dialog.Close>
            <Sidebar onNavigate={() => setSheet(false)} />
          </Dialog.Content>
        </Dialog.Portal>
      </Dialog.Root>
      <div className="flex min-w-0 flex-1 flex-col">
        <header className="sticky top-0 z-20 flex h-14 shrink-0 items-center gap-3 border-b border-line bg-bg/85 px-4 backdrop-blur sm:px-6 md:h-16 lg:px-8">
          <IconButton icon={PanelLeft} label={t('nav.toggle')} onClick={toggle} className="-ml-2" />
          <Breadcrumbs />
        </header>
        <main ref={main} tabIndex={-1} className="flex-1 outline-none">
          <Outlet />
        </main>
      </div>
    </div>
  );
}

// Around the pages that anyone may see.

import { LogIn, Menu as MenuIcon, X } from 'lucide-react';
import { Dialog } from 'radix-ui';
import { useState } from 'react';
import { Link, Outlet } from 'react-router';
import { IconButton, LinkButton } from '../components/Button';
import { Logo } from '../components/Logo';
import { useTexts } from '../i18n';
import { TEAM_URL, CONTACT_URL } from './links';
import { Preferences } from './Preferences';
import { useSession } from './session';

export function PublicShell() {
  const { t } = useTexts();
  const session = useSession();
  const [open, setOpen] = useState(false);
  const entries = (
    <>
      <Link to="/about" onClick={() => setOpen(false)} className="rounded-lg px-3 py-2 text-sm font-medium text-muted hover:bg-raised hover:text-ink">
        {t('public.about')}
      </Link>
      <a href={TEAM_URL} className="rounded-lg px-3 py-2 text-sm font-medium text-muted hover:bg-raised hover:text-ink">
        {t('public.team')}
      </a>
      <a href={CONTACT_URL} className="rounded-lg px-3 py-2 text-sm font-medium text-muted hover:bg-raised hover:text-ink">
        {t('public.contact')}
      </a>
    </>
  );
  const enter = (
    <LinkButton to={session ? '/app' : '/login'} look="primary" icon={LogIn} onClick={() => setOpen(false)}>
      {session ? t('public.open') : t('public.signIn')}
    </LinkButton>
  );
  return (
    <div className="min-h-dvh">
      <header className="sticky top-0 z-30 border-b border-line bg-surface/85 backdrop-blur">
        <div className="mx-auto flex h-16 max-w-6xl items-center gap-4 px-4 sm:px-6">
          <Link to="/" aria-label={t('public.home')}>
            <Logo />
          </Link>
          <nav aria-label={t('nav.main')} className="ml-4 hidden items-center gap-1 md:flex">
            {entries}
          </nav>
          <div className="ml-auto flex items-center gap-1">
            <Preferences />
            <span className="ml-2 hidden sm:block">{enter}</span>
            <Dialog.Root open={open} onOpenChange={setOpen}>
              <Dialog.Trigger asChild>
                <IconButton icon={MenuIcon} label={t('nav.open')} className="md:hidden" />
              </Dialog.Trigger>
              <Dialog.Portal>
                <Dialog.Overlay className="fixed inset-0 z-40 bg-black/50" />
                <Dialog.Content aria-describedby={undefined} className="fixed inset-y-0 right-0 z-50 flex w-72 max-w-[85vw] flex-col gap-1 border-l border-line bg-surface p-4">
                  <div className="mb-2 flex items-center justify-between">
                    <Dialog.Title className="text-sm font-semibold">{t('nav.menu')}</Dialog.Title>
                    <Dialog.Close asChild>
                      <IconButton icon={X} label={t('action.close')} />
                    </Dialog.Close>
                  </div>
                  {entries}
                  <div className="mt-3 grid">{enter}</div>
                </Dialog.Content>
              </Dialog.Portal>
            </Dialog.Root>
          </div>
        </div>
      </header>
      <main>
        <Outlet />
      </main>
    </div>
  );
}

// The list of places, and who is here. Narrow or wide on a desktop, a sheet on a phone.

import { ChevronsUpDown, LogOut, ShieldCheck, UserRound } from 'lucide-react';
import { Link, NavLink, useNavigate } from 'react-router';
import { Menu, MenuItem, MenuLine } from '../components/Menu';
import { Mark } from '../components/Logo';
import { useTexts } from '../i18n';
import { GROUPS } from './navigation';
import { LanguageChoice, ThemeChoice } from './Preferences';
import { useUser } from './session';

interface Props {
  narrow?: boolean;
  onNavigate?: () => void;
}

export function Sidebar({ narrow, onNavigate }: Props) {
  const { t } = useTexts();
  const user = useUser();
  return (
    <div className="flex h-full flex-col">
      <Link to="/app" onClick={onNavigate} aria-label={t('public.home')} className={`flex h-16 shrink-0 items-center gap-2.5 ${narrow ? 'justify-center' : 'px-5'}`}>
        <Mark />
        {!narrow && <span className="text-lg font-bold tracking-tight">STATUS</span>}
      </Link>
      <nav aria-label={t('nav.main')} className="flex-1 overflow-y-auto px-3 py-2">
        {GROUPS.map((group) => {
          const entries = group.entries.filter((entry) => !entry.roles || entry.roles.includes(user.authority));
          if (entries.length === 0) return null;
          return (
            <div key={group.title} className="mb-4">
              {narrow ? (
                <div className="mx-2 mb-2 h-px bg-line first:hidden" />
              ) : (
                <p className="px-2.5 pb-1.5 text-xs font-medium text-muted">{t(group.title)}</p>
              )}
              <ul className="space-y-0.5">
                {entries.map(({ to, text, icon: Icon }) => (
                  <li key={to}>
                    <NavLink
                      to={to}
                      end={to === '/app'}
                      onClick={onNavigate}
                      title={narrow ? t(text) : undefined}
                      className={({ isActive }) =>
                        `flex h-9 items-center gap-3 rounded-lg text-sm font-medium ${narrow ? 'justify-center' : 'px-2.5'} ${
                          isActive ? 'bg-accent-soft text-accent-text' : 'text-muted hover:bg-raised hover:text-ink'
                        }`
                      }
                    >
                      <Icon className="size-[1.125rem] shrink-0" aria-hidden />
                      <span className={narrow ? 'sr-only' : ''}>{t(text)}</span>
                    </NavLink>
                  </li>
                ))}
              </ul>
            </div>
          );
        })}
      </nav>
      <UserMenu narrow={narrow} onNavigate={onNavigate} />
    </div>
  );
}

function UserMenu({ narrow, onNavigate }: Props) {
  const { t } = useTexts();
  const user = useUser();
  const navigate = useNavigate();
  const go = (to: string) => {
    onNavigate?.();
    void navigate(to);
  };
  return (
    <div className="border-t border-line p-3">
      <Menu
        align="start"
        side="top"
        trigger={
          <button type="button" className={`flex w-full items-center gap-3 rounded-lg p-2 text-left hover:bg-raised ${narrow ? 'justify-center px-0' : ''}`}>
            <span className="grid size-8 shrink-0 place-items-center rounded-full bg-accent-soft text-sm font-semibold text-accent-text uppercase" aria-hidden>
              {user.username.slice(0, 1)}
            </span>
            <span className="sr-only">{t('nav.account', { name: user.username })}</span>
            {!narrow && (
              <>
                <span className="min-w-0 flex-1">
                  <span className="block truncate text-sm font-medium">{user.email || user.username}</span>
                  <span className="block text-xs text-muted">{t(`role.${user.authority}`)}</span>
                </span>
                <ChevronsUpDown className="size-4 text-muted" aria-hidden />
              </>
            )}
          </button>
        }
      >
        <MenuItem icon={UserRound} onSelect={() => go('/app/profile')}>
          {t('nav.profile')}
        </MenuItem>
        <MenuItem icon={ShieldCheck} onSelect={() => go('/app/setting-2fa')}>
          {t('nav.secondFactor')}
        </MenuItem>
        <MenuLine />
        <ThemeChoice />
        <LanguageChoice />
        <MenuLine />
        <MenuItem icon={LogOut} onSelect={() => go('/logout')}>
          {t('nav.signOut')}
        </MenuItem>
      </Menu>
    </div>
  );
}

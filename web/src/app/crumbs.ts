// The way to the current page, from its address. Pure; names of things are looked up by who shows it.

import type { Key } from '../i18n';

export interface Crumb {
  to: string;
  /** A text of ours, or what to look up. */
  text?: Key;
  thing?: { kind: 'catalog' | 'control' | 'computation' | 'dashboard' | 'folder' | 'flow'; id: string };
}

const TEXTS: Record<string, Key> = {
  catalogs: 'nav.catalogs',
  new: 'wizard.title',
  dashboards: 'nav.dashboards',
  scopes: 'nav.scopes',
  mashups: 'nav.mashups',
  editor: 'nav.editor',
  secrets: 'nav.secrets',
  system: 'nav.system',
  users: 'nav.users',
  configuration: 'nav.configuration',
  profile: 'nav.profile',
  'setting-2fa': 'nav.secondFactor',
};

const THINGS: Record<string, NonNullable<Crumb['thing']>['kind']> = {
  catalogs: 'catalog',
  controls: 'control',
  computations: 'computation',
  dashboards: 'dashboard',
  folders: 'folder',
  editor: 'flow',
};

/** Parts of addresses that have no page of their own. */
const PARTLESS = new Set(['controls', 'computations', 'folders']);

export function crumbs(pathname: string): Crumb[] {
  const parts = pathname.split('/').filter(Boolean);
  if (parts[0] !== 'app') return [];
  if (parts.length === 1) return [{ to: '/app', text: 'nav.home' }];
  const found: Crumb[] = [];
  for (let at = 1; at < parts.length; at += 1) {
    const part = parts[at] ?? '';
    const to = `/${parts.slice(0, at + 1).join('/')}`;
    const before = parts[at - 1] ?? '';
    const text = TEXTS[part];
    if (PARTLESS.has(part)) continue;
    if (text) found.push({ to, text });
    else if (THINGS[before]) found.push({ to, thing: { kind: THINGS[before], id: decodeURIComponent(part) } });
  }
  return found;
}

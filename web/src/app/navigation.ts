// What the sidebar lists, and for whom.

import {
  Activity,
  BookMarked,
  Crosshair,
  KeyRound,
  LayoutDashboard,
  LayoutGrid,
  SlidersHorizontal,
  SquareTerminal,
  Users,
  Workflow,
  type LucideIcon,
} from 'lucide-react';
import type { Role } from '../api/schema';
import type { Key } from '../i18n';

export interface Entry {
  to: string;
  text: Key;
  icon: LucideIcon;
  roles?: Role[];
}

export const GROUPS: { title: Key; entries: Entry[] }[] = [
  {
    title: 'nav.application',
    entries: [
      { to: '/app', text: 'nav.home', icon: LayoutGrid },
      { to: '/app/catalogs', text: 'nav.catalogs', icon: BookMarked },
      { to: '/app/dashboards', text: 'nav.dashboards', icon: LayoutDashboard },
      { to: '/app/scopes', text: 'nav.scopes', icon: Crosshair },
      { to: '/app/mashups', text: 'nav.mashups', icon: Workflow },
      { to: '/app/editor', text: 'nav.editor', icon: SquareTerminal, roles: ['ADMIN', 'DEVELOPER'] },
      { to: '/app/secrets', text: 'nav.secrets', icon: KeyRound },
    ],
  },
  {
    title: 'nav.platform',
    entries: [
      { to: '/app/system', text: 'nav.system', icon: Activity },
      { to: '/app/users', text: 'nav.users', icon: Users, roles: ['ADMIN'] },
      { to: '/app/configuration', text: 'nav.configuration', icon: SlidersHorizontal, roles: ['ADMIN'] },
    ],
  },
];

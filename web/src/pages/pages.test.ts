import { expect, it } from 'vitest';
import type { Found, GrafanaDashboard } from '../api/grafana';
import type { Control, ScopeSet } from '../api/schema';
import { crumbs } from '../app/crumbs';
import { matches, NO_FILTERS, scopesOf } from './catalogs/filters';
import { moment, pageUrl, soloUrl } from './dashboards/grafana-time';
import { find, pruned, roots, size, tree } from './dashboards/tree';
import { scopeTitle } from './scopes/names';

const folder = (uid: string, title: string, folderUid?: string): Found => ({ uid, title, folderUid, type: 'dash-folder' });
const dashboard = (uid: string, title: string, folderUid?: string): Found => ({ uid, title, folderUid, type: 'dash-db' });
const items = [dashboard('d1', 'Beta', 'f1'), dashboard('d2', 'Alpha'), folder('f1', 'Zeta'), folder('f2', 'Inner', 'f1'), dashboard('d3', 'Lost', 'gone')];

it('nests folders first, and keeps what lies in an unknown folder', () => {
  const top = tree(items);
  expect(top.map(({ item }) => item.title)).toEqual(['Zeta', 'Alpha', 'Lost']);
  expect(find(top, 'f1')?.children.map(({ item }) => item.title)).toEqual(['Inner', 'Beta']);
  expect(size(top)).toBe(5);
});

it('keeps the way to what matches', () => {
  expect(pruned(tree(items), 'béta', 'all').map(({ item }) => item.title)).toEqual(['Zeta']);
  expect(pruned(tree(items), '', 'dash-folder')).toHaveLength(1);
  expect(pruned(tree(items), 'nothing', 'all')).toEqual([]);
});

it('deletes a folder, not what goes with it', () => {
  expect(roots(tree(items), new Set(['f1', 'd1', 'd2'])).map(({ uid }) => uid)).toEqual(['f1', 'd2']);
});

it('understands the times of Grafana', () => {
  const now = new Date('2026-03-31T12:00:00Z');
  expect(moment('now-6h', now)?.toISOString()).toBe('2026-03-31T06:00:00.000Z');
  expect(moment('now', now)).toBe(now);
  expect(moment('2024-06-01T00:00:00.000Z', now)?.getTime()).toBe(Date.parse('2024-06-01'));
  expect(moment('now/d', now)).toBeUndefined();
  const model: GrafanaDashboard = { dashboard: { uid: 'u1', title: 'T', time: { from: 'now-1h', to: 'now' } }, meta: {} };
  const url = new URL(soloUrl('/grafana/', model, { id: 4 }, 'dark', now), 'http://x');
  expect(url.pathname).toBe('/grafana/d-solo/u1/dashboard');
  expect(Number(url.searchParams.get('to')) - Number(url.searchParams.get('from'))).toBe(3_600_000);
  expect(pageUrl('/grafana/', model)).toBe('/grafana/d/u1/dashboard');
});

it('filters controls by scope and dates', () => {
  const sets = [
    { _id: '1', controlId: 1, __v: 0, scopes: { city: 'Seville' } },
    { _id: '2', controlId: 1, __v: 0, scopes: { city: 'Paris' } },
    { _id: '3', controlId: 2, __v: 0, scopes: { city: 'Rome' } },
  ] satisfies ScopeSet[];
  const control = { id: 1, name: 'A', period: 'DAILY', status: 'finalized', startDate: '2026-02-01T00:00:00.000Z', endDate: null } satisfies Control;
  const scopes = scopesOf(sets, 1);
  expect(scopes.get('city')).toEqual(['Seville', 'Paris']);
  expect(matches(control, scopes, NO_FILTERS)).toBe(true);
  expect(matches(control, scopes, { ...NO_FILTERS, scope: 'city', value: 'Paris' })).toBe(true);
  expect(matches(control, scopes, { ...NO_FILTERS, scope: 'city', value: 'Rome' })).toBe(false);
  expect(matches(control, scopes, { ...NO_FILTERS, startsFrom: '2026-02-01' })).toBe(true);
  expect(matches(control, scopes, { ...NO_FILTERS, endsBy: '2027-01-01' })).toBe(false);
});

it('knows the way to each page', () => {
  expect(crumbs('/app')).toEqual([{ to: '/app', text: 'nav.home' }]);
  expect(crumbs('/app/catalogs/3/controls/20/computations/c1')).toEqual([
    { to: '/app/catalogs', text: 'nav.catalogs' },
    { to: '/app/catalogs/3', thing: { kind: 'catalog', id: '3' } },
    { to: '/app/catalogs/3/controls/20', thing: { kind: 'control', id: '20' } },
    { to: '/app/catalogs/3/controls/20/computations/c1', thing: { kind: 'computation', id: 'c1' } },
  ]);
  expect(crumbs('/app/dashboards/folders/f1')).toEqual([
    { to: '/app/dashboards', text: 'nav.dashboards' },
    { to: '/app/dashboards/folders/f1', thing: { kind: 'folder', id: 'f1' } },
  ]);
  expect(crumbs('/login')).toEqual([]);
});

it('writes names of scopes as words', () => {
  expect(scopeTitle('date_of_birth')).toBe('Date of birth');
});

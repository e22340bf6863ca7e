// The way to the current page, with the names of what lies on it.

import { useQuery } from '@tanstack/react-query';
import { ChevronRight } from 'lucide-react';
import { Fragment } from 'react';
import { Link, useLocation } from 'react-router';
import { catalogKeys, getCatalog } from '../api/catalogs';
import { controlKeys, getControl } from '../api/controls';
import { getDashboard, grafanaKeys, searchGrafana } from '../api/grafana';
import { flowKeys, getFlow } from '../api/node-red';
import { useTexts } from '../i18n';
import { crumbs, type Crumb } from './crumbs';

export function Breadcrumbs() {
  const { t } = useTexts();
  const { pathname } = useLocation();
  const way = crumbs(pathname);
  return (
    <nav aria-label={t('nav.breadcrumbs')} className="min-w-0 flex-1">
      <ol className="flex min-w-0 items-center gap-1.5 text-sm text-muted">
        {way.map((crumb, at) => {
          const isLast = at === way.length - 1;
          // A phone has room for where one is and for the step back.
          const narrow = at < way.length - 2 ? 'max-sm:hidden' : '';
          const name = crumb.text ? t(crumb.text) : <Name thing={crumb.thing} pathname={crumb.to} />;
          return (
            <Fragment key={crumb.to}>
              {at > 0 && <ChevronRight className={`size-3.5 shrink-0 ${at < way.length - 1 ? 'max-sm:hidden' : ''}`} aria-hidden />}
              <li className={`truncate ${narrow} ${isLast ? 'font-medium text-ink' : 'max-w-40 shrink-[2]'}`}>
                {isLast ? <span aria-current="page">{name}</span> : <Link to={crumb.to} className="hover:text-ink">{name}</Link>}
              </li>
            </Fragment>
          );
        })}
      </ol>
    </nav>
  );
}

/** Shares its questions with the pages, so it asks nothing that they do not. */
function Name({ thing, pathname }: { thing: Crumb['thing']; pathname: string }) {
  const { t, day } = useTexts();
  const { kind = 'catalog', id = '' } = thing ?? {};
  const number = Number(id);
  const control = Number(/controls\/(\d+)/.exec(pathname)?.[1]);
  const once = { retry: false, staleTime: 60_000 };
  const catalog = useQuery({ queryKey: catalogKeys.one(number), queryFn: () => getCatalog(number), enabled: kind === 'catalog', ...once });
  const named = useQuery({ queryKey: controlKeys.one(number), queryFn: () => getControl(number), enabled: kind === 'control', ...once });
  const computed = useQuery({ queryKey: controlKeys.computations(control), queryFn: async () => (await import('../api/results')).resultsOf(await getControl(control), Number(/catalogs\/(\d+)/.exec(pathname)?.[1])), enabled: kind === 'computation', ...once });
  const dashboard = useQuery({ queryKey: grafanaKeys.dashboard(id), queryFn: () => getDashboard(id), enabled: kind === 'dashboard', ...once });
  const found = useQuery({ queryKey: grafanaKeys.search, queryFn: searchGrafana, enabled: kind === 'folder', ...once });
  const flow = useQuery({ queryKey: flowKeys.one(id), queryFn: () => getFlow(id), enabled: kind === 'flow', ...once });
  switch (kind) {
    case 'catalog':
      return catalog.data?.name ?? id;
    case 'control':
      return named.data?.name ?? id;
    case 'computation': {
      const row = computed.data?.find((item) => item.id === id);
      return row ? t('computation.of', { day: day(row.createdAt) }) : t('computation.one');
    }
    case 'dashboard':
      return dashboard.data?.dashboard.title ?? id;
    case 'folder':
      return found.data?.find((item) => item.uid === id)?.title ?? id;
    case 'flow':
      return flow.data?.label ?? id;
  }
}

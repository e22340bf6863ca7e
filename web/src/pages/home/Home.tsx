// The overview: how compliant we are, catalog by catalog, what was computed lately, whether the services answer.

import { useQuery } from '@tanstack/react-query';
import { ArrowRight, BookMarked, Plus } from 'lucide-react';
import { Link } from 'react-router';
import { catalogKeys, listCatalogs } from '../../api/catalogs';
import { listPoints, pointKeys } from '../../api/computations';
import type { Catalog, Point } from '../../api/schema';
import { useMayEdit, useUser } from '../../app/session';
import { LineChart } from '../../charts/LineChart';
import { byAgreement, current, daily, ratio } from '../../charts/compliance';
import { Meter, Ring } from '../../charts/Meter';
import { Badge } from '../../components/Badge';
import { LinkButton } from '../../components/Button';
import { Section } from '../../components/Card';
import { Page } from '../../components/Page';
import { Loaded, Notice } from '../../components/States';
import { useTexts } from '../../i18n';
import { Attention } from './Attention';
import { RecentComputations } from './RecentComputations';
import { Services } from './Services';
import { Start } from './Start';

export default function Home() {
  const { t } = useTexts();
  const user = useUser();
  const mayEdit = useMayEdit();
  const fresh = usePoints().data?.length === 0;
  return (
    <Page
      title={t('home.title')}
      description={t('home.text', { name: user.username })}
      actions={
        mayEdit && (
          <LinkButton to="/app/catalogs/new" look="primary" icon={Plus}>
            {t('catalogs.new')}
          </LinkButton>
        )
      }
    >
      <div className="grid gap-5 lg:grid-cols-3">
        {fresh ? (
          <>
            <Start />
            <ByCatalog />
            <Services />
          </>
        ) : (
          <>
            <div className="space-y-5">
              <Now />
              <Services />
            </div>
            <Trend />
            <ByCatalog />
            <Attention />
          </>
        )}
        <RecentComputations />
      </div>
    </Page>
  );
}

const usePoints = () => useQuery({ queryKey: pointKeys.all, queryFn: listPoints });
const useCatalogs = () => useQuery({ queryKey: catalogKeys.all, queryFn: listCatalogs });

function Now() {
  const { t } = useTexts();
  return (
    <Section title={t('home.now')} description={t('home.nowText')}>
      <Loaded query={usePoints()} rows={4} isEmpty={() => false}>
        {(points) => {
          const share = current(points);
          return (
            <div className="flex items-center gap-6 py-2">
              <Ring share={ratio(share)} label={t('home.now')} size={132} />
              <div>
                <p className="text-2xl font-semibold tabular-nums">
                  {share.met}
                  <span className="text-muted"> / {share.total}</span>
                </p>
                <p className="text-sm text-muted">{t('home.guarantees')}</p>
              </div>
            </div>
          );
        }}
      </Loaded>
    </Section>
  );
}

function Trend() {
  const { t } = useTexts();
  return (
    <Section title={t('home.trend')} description={t('home.trendText')} className="lg:col-span-2">
      <Loaded query={usePoints()} rows={5}>
        {(points) => <LineChart label={t('home.trend')} lines={[{ name: t('home.now'), samples: daily(points) }]} unit=" %" floor={0} ceiling={100} height={330} />}
      </Loaded>
    </Section>
  );
}

/** So many fit beside the services; the list has the rest. */
const MOST = 6;

/** What needs attention comes first; what has no points yet comes last. */
function worstFirst(catalogs: Catalog[], groups: Map<string, Point[]>) {
  return catalogs
    .map((catalog) => ({ catalog, share: current(catalog.tpaId ? (groups.get(catalog.tpaId) ?? []) : []) }))
    .sort((a, b) => (ratio(a.share) ?? 2) - (ratio(b.share) ?? 2))
    .slice(0, MOST);
}

function ByCatalog() {
  const { t } = useTexts();
  const mayEdit = useMayEdit();
  const points = usePoints();
  const groups = byAgreement(points.data ?? []);
  return (
    <Section
      title={t('home.byCatalog')}
      className="lg:col-span-2"
      actions={
        <Link to="/app/catalogs" className="inline-flex items-center gap-1 text-sm font-medium text-accent-text hover:underline">
          {t('home.allCatalogs')}
          <ArrowRight className="size-4" aria-hidden />
        </Link>
      }
    >
      <Loaded
        query={useCatalogs()}
        rows={6}
        empty={
          <Notice
            icon={BookMarked}
            title={t('catalogs.empty')}
            text={t('catalogs.emptyText')}
            action={mayEdit && <LinkButton to="/app/catalogs/new">{t('catalogs.new')}</LinkButton>}
          />
        }
      >
        {(catalogs) => (
          <ul className="divide-y divide-line">
            {worstFirst(catalogs, groups).map(({ catalog, share }) => {
              return (
                <li key={catalog.id} className="grid grid-cols-1 items-center gap-x-6 gap-y-1.5 py-3 sm:grid-cols-[1fr_14rem]">
                  <div className="flex min-w-0 items-center gap-2">
                    <Link to={`/app/catalogs/${catalog.id}`} className="truncate text-sm font-medium hover:text-accent-text hover:underline">
                      {catalog.name}
                    </Link>
                    {catalog.status === 'draft' && <Badge tone="warn">{t('catalogs.draft')}</Badge>}
                    {share.total > 0 && <span className="ml-auto text-xs text-muted tabular-nums">{t('compliance.of', { met: share.met, total: share.total })}</span>}
                  </div>
                  <Meter share={ratio(share)} label={t('compliance.label', { name: catalog.name })} />
                </li>
              );
            })}
          </ul>
        )}
      </Loaded>
    </Section>
  );
}

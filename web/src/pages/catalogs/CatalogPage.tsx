// One catalog: its facts, its controls, its compliance over time.

import { useQuery } from '@tanstack/react-query';
import { LayoutDashboard, Pencil } from 'lucide-react';
import { Tabs } from 'radix-ui';
import { useState } from 'react';
import { useParams } from 'react-router';
import { catalogKeys, getCatalog } from '../../api/catalogs';
import { pointKeys, pointsOf } from '../../api/computations';
import { statusOf } from '../../api/error';
import type { Catalog } from '../../api/schema';
import { useMayEdit } from '../../app/session';
import { current, ratio } from '../../charts/compliance';
import { Ring } from '../../charts/Meter';
import { Badge } from '../../components/Badge';
import { Button, LinkButton } from '../../components/Button';
import { Card, Facts } from '../../components/Card';
import { later } from '../../components/later';
import { Page } from '../../components/Page';
import { Failed, Loading, Notice } from '../../components/States';
import { TAB, TAB_LIST } from '../../components/tabs';
import { useTexts } from '../../i18n';
import { ControlTable } from './ControlTable';

const Points = later(async () => (await import('./Points')).Points);
const CatalogEdit = later(async () => (await import('./CatalogEdit')).CatalogEdit);

export default function CatalogPage() {
  const { t } = useTexts();
  const id = Number(useParams().id);
  const query = useQuery({ queryKey: catalogKeys.one(id), queryFn: () => getCatalog(id), enabled: Number.isInteger(id) });
  if (query.data) return <Details catalog={query.data} />;
  const missing = !Number.isInteger(id) || statusOf(query.error) === 404;
  return (
    <Page title={t('nav.catalogs')}>
      <Card>
        {missing ? (
          <Notice title={t('catalog.missing')} action={<LinkButton to="/app/catalogs">{t('home.allCatalogs')}</LinkButton>} />
        ) : query.isError ? (
          <Failed error={query.error} retry={() => void query.refetch()} />
        ) : (
          <Loading />
        )}
      </Card>
    </Page>
  );
}

function Details({ catalog }: { catalog: Catalog }) {
  const { t, span } = useTexts();
  const mayEdit = useMayEdit();
  const [editing, setEditing] = useState(false);
  const draft = catalog.status === 'draft';
  const tpaId = catalog.tpaId ?? '';
  const points = useQuery({ queryKey: [...pointKeys.all, tpaId], queryFn: () => pointsOf(tpaId), enabled: tpaId !== '' });
  const share = current(points.data ?? []);
  return (
    <Page
      title={catalog.name}
      badge={draft && <Badge tone="warn">{t('catalogs.draft')}</Badge>}
      description={catalog.description || t('field.noDescription')}
      actions={
        <>
          {catalog.dashboard_id && (
            <LinkButton to={`/app/dashboards/${catalog.dashboard_id}`} icon={LayoutDashboard}>
              {t('catalog.openDashboard')}
            </LinkButton>
          )}
          {mayEdit && (
            <Button icon={Pencil} onClick={() => setEditing(true)}>
              {t('action.edit')}
            </Button>
          )}
          {mayEdit && draft && (
            <LinkButton look="primary" to={`/app/catalogs/new?draft=${catalog.id}`}>
              {t('catalog.continue')}
            </LinkButton>
          )}
        </>
      }
    >
      <Card className="mb-5 flex flex-wrap items-center gap-x-10 gap-y-4 p-4 sm:p-5">
        <div className="flex items-center gap-4">
          <Ring share={ratio(share)} label={t('compliance.title')} size={84} />
          <div>
            <p className="text-[0.8125rem] text-muted">{t('compliance.title')}</p>
            <p className="text-sm font-medium">{draft ? t('catalogs.draft') : share.total > 0 ? t('compliance.of', { met: share.met, total: share.total }) : t('compliance.none')}</p>
          </div>
        </div>
        <div className="min-w-0 flex-1 basis-72">
          <Facts
            columns="grid-cols-1 sm:grid-cols-3"
            items={[
              [t('field.duration'), span(catalog.startDate, catalog.endDate)],
              [t('field.status'), draft ? t('catalog.draftText') : t('catalog.final')],
              [t('catalog.agreement'), catalog.tpaId ? <code className="text-xs">{catalog.tpaId}</code> : t('catalog.noDashboard')],
            ]}
          />
        </div>
      </Card>
      <Tabs.Root defaultValue="controls">
        <Tabs.List className={TAB_LIST} aria-label={catalog.name}>
          <Tabs.Trigger value="controls" className={TAB}>
            {t('controls.title')}
          </Tabs.Trigger>
          <Tabs.Trigger value="points" className={TAB} disabled={draft}>
            {t('points.title')}
          </Tabs.Trigger>
        </Tabs.List>
        <Tabs.Content value="controls" tabIndex={-1}>
          <ControlTable catalog={catalog} />
        </Tabs.Content>
        <Tabs.Content value="points" tabIndex={-1}>
          {tpaId && <Points catalog={catalog} tpaId={tpaId} query={points} />}
        </Tabs.Content>
      </Tabs.Root>
      {editing && <CatalogEdit catalog={catalog} onClose={() => setEditing(false)} />}
    </Page>
  );
}

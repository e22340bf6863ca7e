// One dashboard: its panels as Grafana draws them, and what is known of it.

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { ExternalLink, LayoutDashboard, Pencil, Trash2 } from 'lucide-react';
import { Tabs } from 'radix-ui';
import { useState } from 'react';
import { useNavigate, useParams } from 'react-router';
import { config } from '../../api/config';
import { statusOf } from '../../api/error';
import { deleteDashboard, getDashboard, grafanaKeys, type GrafanaDashboard } from '../../api/grafana';
import { useMayEdit } from '../../app/session';
import { Badge } from '../../components/Badge';
import { Button, buttonClass, LinkButton } from '../../components/Button';
import { Card, Facts } from '../../components/Card';
import { Confirm } from '../../components/Modal';
import { Page } from '../../components/Page';
import { Failed, Loading, Notice } from '../../components/States';
import { TAB, TAB_LIST } from '../../components/tabs';
import { toast } from '../../components/toasts';
import { useTexts } from '../../i18n';
import { moment, pageUrl } from './grafana-time';
import { Metadata } from './Metadata';
import { Panels } from './Panels';

export default function DashboardPage() {
  const { t } = useTexts();
  const { id = '' } = useParams();
  const query = useQuery({ queryKey: grafanaKeys.dashboard(id), queryFn: () => getDashboard(id) });
  if (query.data) return <Details model={query.data} />;
  const back = <LinkButton to="/app/dashboards">{t('nav.dashboards')}</LinkButton>;
  return (
    <Page title={t('field.dashboard')}>
      <Card>
        {statusOf(query.error) === 404 ? (
          <Notice icon={LayoutDashboard} title={t('dashboards.empty')} action={back} />
        ) : query.isError ? (
          <Failed error={query.error} retry={() => void query.refetch()} service={t('service.grafana')} />
        ) : (
          <Loading />
        )}
      </Card>
    </Page>
  );
}

/** An overview shows so many panels. */
const FIRST = 6;

function Details({ model }: { model: GrafanaDashboard }) {
  const { t, time } = useTexts();
  const { dashboard, meta } = model;
  const mayEdit = useMayEdit();
  const client = useQueryClient();
  const navigate = useNavigate();
  const [asking, setAsking] = useState(false);
  const panels = dashboard.panels ?? [];
  const address = pageUrl(config().grafanaUrl, model);
  const remove = useMutation({
    mutationFn: () => deleteDashboard(dashboard.uid),
    onSuccess: () => {
      toast(t('dashboards.deleted', { n: 1 }));
      void client.invalidateQueries({ queryKey: grafanaKeys.search });
      void navigate('/app/dashboards');
    },
  });
  const shown = (text: string | undefined) => (text ? time(moment(text, new Date())) : '–');
  const facts = (
    <Card className="mb-5 p-4 sm:p-5">
      <Facts
        columns="grid-cols-2 lg:grid-cols-4"
        items={[
          [t('dashboards.folder'), meta.folderTitle || t('dashboards.general')],
          [t('dashboard.range'), `${shown(dashboard.time?.from)} – ${shown(dashboard.time?.to)}`],
          [t('field.updated'), time(meta.updated)],
          [t('dashboard.tags'), dashboard.tags?.length ? <span className="flex flex-wrap gap-1">{dashboard.tags.map((tag) => <Badge key={tag}>{tag}</Badge>)}</span> : '–'],
        ]}
      />
    </Card>
  );
  return (
    <Page
      title={dashboard.title}
      badge={dashboard.version !== undefined && <Badge>{t('dashboard.version', { n: dashboard.version })}</Badge>}
      description={dashboard.description}
      actions={
        <>
          <a href={address} target="_blank" rel="noreferrer" className={buttonClass('secondary')}>
            <ExternalLink className="size-4" aria-hidden />
            {t('dashboard.view')}
          </a>
          {mayEdit && dashboard.editable !== false && meta.canEdit !== false && (
            <a href={`${address}?editview=settings`} target="_blank" rel="noreferrer" className={buttonClass('secondary')}>
              <Pencil className="size-4" aria-hidden />
              {t('dashboard.edit')}
            </a>
          )}
          {mayEdit && meta.canDelete !== false && (
            <Button look="danger" icon={Trash2} onClick={() => setAsking(true)}>
              {t('action.delete')}
            </Button>
          )}
        </>
      }
    >
      {mayEdit ? (
        <Tabs.Root defaultValue="overview">
          <Tabs.List className={TAB_LIST} aria-label={dashboard.title}>
            {(['overview', 'panels', 'metadata'] as const).map((name) => (
              <Tabs.Trigger key={name} value={name} className={TAB}>
                {t(`dashboard.${name}`)}
              </Tabs.Trigger>
            ))}
          </Tabs.List>
          <Tabs.Content value="overview" tabIndex={-1}>
            {facts}
            <Panels model={model} panels={panels.slice(0, FIRST)} />
          </Tabs.Content>
          <Tabs.Content value="panels" tabIndex={-1}>
            <Panels model={model} panels={panels} queries />
          </Tabs.Content>
          <Tabs.Content value="metadata" tabIndex={-1}>
            <Metadata model={model} />
          </Tabs.Content>
        </Tabs.Root>
      ) : (
        <>
          {facts}
          <Panels model={model} panels={panels} />
        </>
      )}
      <Confirm
        open={asking}
        onClose={() => setAsking(false)}
        title={t('dashboards.deleteTitle')}
        text={t('dashboards.deleteText', { name: dashboard.title })}
        action={t('action.delete')}
        onConfirm={() => remove.mutateAsync()}
      />
    </Page>
  );
}

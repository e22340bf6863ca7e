// What the platform is made of, whether it answers, how much is stored. For administrators also the stack behind it.

import { useQuery, type UseQueryResult } from '@tanstack/react-query';
import { CircleCheck, RotateCcw, TriangleAlert } from 'lucide-react';
import { catalogKeys, listCatalogs } from '../../api/catalogs';
import { computationKeys, listComputations, listPoints, pointKeys } from '../../api/computations';
import { config } from '../../api/config';
import { controlKeys, listControls } from '../../api/controls';
import type { ServiceHealth } from '../../api/health';
import { listScopes, scopeKeys } from '../../api/scopes';
import { useUser } from '../../app/session';
import { Badge } from '../../components/Badge';
import { Button } from '../../components/Button';
import { Card, Facts, Section } from '../../components/Card';
import { later } from '../../components/later';
import { Page } from '../../components/Page';
import { Loaded } from '../../components/States';
import { useTexts } from '../../i18n';
import { HEALTH_TONE, useHealth } from '../home/Services';

const Stack = later(async () => (await import('./Stack')).Stack);

export default function System() {
  const user = useUser();
  const { t, ago } = useTexts();
  const query = useHealth();
  const down = (query.data ?? []).filter((service) => service.health !== 'up').length;
  return (
    <Page
      title={t('nav.system')}
      description={t('system.text')}
      actions={
        <Button icon={RotateCcw} busy={query.isFetching} onClick={() => void query.refetch()}>
          {t('system.again')}
        </Button>
      }
    >
      {query.data && (
        <Card className="mb-5 flex flex-wrap items-center gap-3 px-4 py-3 sm:px-5">
          {down === 0 ? <CircleCheck className="size-5 text-good" aria-hidden /> : <TriangleAlert className="size-5 text-warn" aria-hidden />}
          <p role="status" className="font-medium">
            {down === 0 ? t('system.allUp') : t('system.someDown', { n: down })}
          </p>
          <p className="ml-auto text-sm text-muted">{t('system.checked', { ago: ago(query.dataUpdatedAt) })}</p>
        </Card>
      )}
      <Loaded query={query} rows={6}>
        {(services) => (
          <div className="grid gap-5 md:grid-cols-2 xl:grid-cols-3">
            {services.map((service) => (
              <Service key={service.name} service={service} />
            ))}
          </div>
        )}
      </Loaded>
      {user.authority === 'ADMIN' && <Stack />}
      <Numbers />
    </Page>
  );
}

function addressOf(name: ServiceHealth['name']): string {
  const { backend, nodeRedUrl, grafanaUrl } = config();
  return { backend, nodeRed: nodeRedUrl, grafana: grafanaUrl }[name];
}

function Service({ service }: { service: ServiceHealth }) {
  const { t, number } = useTexts();
  const partName = (name: string) => (name === 'database' || name === 'cache' ? t(`system.${name}`) : name);
  return (
    <Section title={t(`service.${service.name}`)} actions={<Badge tone={HEALTH_TONE[service.health]}>{t(`health.${service.health}`)}</Badge>}>
      <Facts
        columns="grid-cols-2"
        items={[
          [t('system.latency'), service.health === 'down' ? '–' : `${number(service.latencyMs, 0)} ms`],
          [t('system.address'), <code className="text-xs">{addressOf(service.name)}</code>],
          ...(service.version ? [[t('system.version'), service.version] as [string, string]] : []),
        ]}
      />
      {service.checks.length > 0 && (
        <ul className="mt-4 divide-y divide-line border-t border-line">
          {service.checks.map((check) => (
            <li key={check.name} className="flex items-center justify-between gap-3 pt-2.5 pb-2 text-sm">
              <span>{partName(check.name)}</span>
              <span className="flex items-center gap-3">
                {check.latencyMs !== undefined && <span className="text-xs text-muted tabular-nums">{number(check.latencyMs)} ms</span>}
                <Badge tone={HEALTH_TONE[check.health]}>{t(`health.${check.health}`)}</Badge>
              </span>
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}

function Numbers() {
  const { t, number } = useTexts();
  const count = (query: UseQueryResult<unknown[]>) => (query.data ? number(query.data.length, 0) : query.isError ? '–' : '…');
  const items: [string, string][] = [
    [t('nav.catalogs'), count(useQuery({ queryKey: catalogKeys.all, queryFn: listCatalogs }))],
    [t('controls.title'), count(useQuery({ queryKey: controlKeys.all, queryFn: listControls }))],
    [t('nav.scopes'), count(useQuery({ queryKey: scopeKeys.all, queryFn: listScopes }))],
    [t('system.points'), count(useQuery({ queryKey: pointKeys.all, queryFn: listPoints }))],
    [t('system.computations'), count(useQuery({ queryKey: computationKeys.all, queryFn: listComputations }))],
  ];
  return (
    <Section title={t('system.numbers')} className="mt-5">
      <dl className="grid grid-cols-2 gap-4 sm:grid-cols-5">
        {items.map(([name, value]) => (
          <div key={name} className="flex flex-col-reverse">
            <dt className="text-sm text-muted">{name}</dt>
            <dd className="text-2xl font-semibold tabular-nums">{value}</dd>
          </div>
        ))}
      </dl>
    </Section>
  );
}

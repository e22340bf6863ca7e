// All folders and dashboards in Grafana.

import { useQuery } from '@tanstack/react-query';
import { LayoutDashboard } from 'lucide-react';
import { grafanaKeys, searchGrafana } from '../../api/grafana';
import { Card } from '../../components/Card';
import { Page } from '../../components/Page';
import { Loaded, Notice } from '../../components/States';
import { useTexts } from '../../i18n';
import { DashboardTree } from './DashboardTree';
import { tree } from './tree';

export default function Dashboards() {
  const { t } = useTexts();
  const query = useQuery({ queryKey: grafanaKeys.search, queryFn: searchGrafana });
  return (
    <Page title={t('nav.dashboards')} description={t('dashboards.text')}>
      <Card className="overflow-hidden pt-4">
        <Loaded query={query} isEmpty={() => false} service={t('service.grafana')}>
          {(items) => (
            <DashboardTree
              branches={tree(items)}
              folders={items.filter((item) => item.type === 'dash-folder')}
              empty={<Notice icon={LayoutDashboard} title={t('dashboards.empty')} text={t('dashboards.emptyText')} />}
            />
          )}
        </Loaded>
      </Card>
    </Page>
  );
}

// One folder in Grafana.

import { useQuery } from '@tanstack/react-query';
import { Folder } from 'lucide-react';
import { useParams } from 'react-router';
import { grafanaKeys, searchGrafana } from '../../api/grafana';
import { LinkButton } from '../../components/Button';
import { Card } from '../../components/Card';
import { Page } from '../../components/Page';
import { Loaded, Notice } from '../../components/States';
import { useTexts } from '../../i18n';
import { DashboardTree } from './DashboardTree';
import { find, tree } from './tree';

export default function FolderPage() {
  const { t } = useTexts();
  const { id = '' } = useParams();
  // The whole tree is asked for anyway, and levels below this one are in it.
  const query = useQuery({ queryKey: grafanaKeys.search, queryFn: searchGrafana });
  const folder = find(tree(query.data ?? []), id);
  return (
    <Page title={folder?.item.title ?? t('dashboards.folder')} description={folder?.item.description}>
      <Card className="overflow-hidden pt-4">
        <Loaded
          query={query}
          isEmpty={() => !folder}
          empty={<Notice icon={Folder} title={t('dashboards.missingFolder')} action={<LinkButton to="/app/dashboards">{t('nav.dashboards')}</LinkButton>} />}
          service={t('service.grafana')}
        >
          {(items) =>
            folder && (
              <DashboardTree
                branches={folder.children}
                folders={items.filter((item) => item.type === 'dash-folder')}
                parentUid={folder.item.uid}
                empty={<Notice icon={Folder} title={t('dashboards.emptyFolder')} />}
              />
            )
          }
        </Loaded>
      </Card>
    </Page>
  );
}

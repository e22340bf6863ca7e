// Panels of a dashboard, drawn by Grafana in frames.

import { ChartNoAxesColumn } from 'lucide-react';
import { useState } from 'react';
import { config } from '../../api/config';
import type { GrafanaDashboard, GrafanaPanel } from '../../api/grafana';
import { Badge } from '../../components/Badge';
import { Card, Section } from '../../components/Card';
import { Notice } from '../../components/States';
import { useTexts } from '../../i18n';
import { soloUrl } from './grafana-time';

interface Props {
  model: GrafanaDashboard;
  panels: GrafanaPanel[];
  /** The queries behind them, too. */
  queries?: boolean;
}

export function Panels({ model, panels, queries }: Props) {
  const { t } = useTexts();
  // One moment for all frames, or each new look at the page would load them again.
  const [now] = useState(() => new Date());
  const theme = document.documentElement.classList.contains('dark') ? 'dark' : 'light';
  if (panels.length === 0) {
    return (
      <Card>
        <Notice icon={ChartNoAxesColumn} title={t('dashboard.noPanels')} text={t('dashboard.noPanelsText')} />
      </Card>
    );
  }
  return (
    <>
      <div className="grid gap-5 lg:grid-cols-2">
        {panels.map((panel) => {
          const title = panel.title || t('dashboard.panel', { id: panel.id });
          const sql = panel.targets?.map((target) => target.rawSql).filter(Boolean).join('\n');
          return (
            <Section key={panel.id} title={title} actions={panel.type && <Badge>{panel.type}</Badge>}>
              <iframe title={title} src={soloUrl(config().grafanaUrl, model, panel, theme, now)} loading="lazy" className="h-60 w-full rounded-lg border border-line bg-raised" />
              {queries && sql && (
                <details className="mt-3 text-sm">
                  <summary className="text-muted">{t('dashboard.sql')}</summary>
                  <pre className="mt-2 overflow-x-auto rounded-lg bg-raised p-3 text-xs whitespace-pre-wrap">{sql}</pre>
                </details>
              )}
            </Section>
          );
        })}
      </div>
      <p className="mt-4 text-sm text-muted">{t('dashboard.signIn')}</p>
    </>
  );
}

// What Grafana says about a dashboard.

import type { GrafanaDashboard } from '../../api/grafana';
import { Card, Facts } from '../../components/Card';
import { useTexts } from '../../i18n';

export function Metadata({ model: { dashboard, meta } }: { model: GrafanaDashboard }) {
  const { t, time } = useTexts();
  const answer = (value: boolean | undefined) => (value ? t('answer.yes') : t('answer.no'));
  const by = (when: string | undefined, who: string | undefined) => (who ? t('dashboard.by', { time: time(when), name: who }) : time(when));
  const may = (['canAdmin', 'canEdit', 'canDelete'] as const).filter((name) => meta[name]).map((name) => t(`dashboard.${name}`));
  return (
    <Card className="p-4 sm:p-5">
      <Facts
        columns="grid-cols-1 sm:grid-cols-2 lg:grid-cols-3"
        items={[
          [t('dashboard.uid'), <code className="text-xs">{dashboard.uid}</code>],
          [t('dashboard.slug'), meta.slug ?? '–'],
          [t('dashboard.schema'), dashboard.schemaVersion ?? '–'],
          [t('field.created'), by(meta.created, meta.createdBy)],
          [t('field.updated'), by(meta.updated, meta.updatedBy)],
          [t('dashboard.timezone'), dashboard.timezone || '–'],
          [t('dashboard.refresh'), dashboard.refresh || '–'],
          [t('dashboard.provisioned'), answer(meta.provisioned)],
          [t('dashboard.editable'), answer(dashboard.editable)],
          [t('dashboard.permissions'), may.join(', ') || '–'],
        ]}
      />
    </Card>
  );
}

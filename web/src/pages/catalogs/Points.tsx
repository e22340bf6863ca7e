// The compliance of a catalog over time: stored points, and the way to have them calculated.

import { useQueryClient, type UseQueryResult } from '@tanstack/react-query';
import { Calculator, ChartLine } from 'lucide-react';
import { useState } from 'react';
import { catalogKeys, computePoints } from '../../api/catalogs';
import { computationKeys, pointKeys } from '../../api/computations';
import { controlKeys } from '../../api/controls';
import type { Catalog, Point } from '../../api/schema';
import { useMayEdit } from '../../app/session';
import { byGuarantee } from '../../charts/compliance';
import { LineChart } from '../../charts/LineChart';
import { Result, ScopeBadges } from '../../components/Badge';
import { Button } from '../../components/Button';
import { Card, Section } from '../../components/Card';
import { DataTable, type Column } from '../../components/DataTable';
import { Modal } from '../../components/Modal';
import { EVERYTHING, RangeBar, within } from '../../components/RangeBar';
import { Loaded, Notice } from '../../components/States';
import { toast } from '../../components/toasts';
import { dayInput, today } from '../../forms/dates';
import { FormActions } from '../../forms/FormActions';
import { TextField } from '../../forms/fields';
import { rangeRules } from '../../forms/rules';
import { useServerForm } from '../../forms/useServerForm';
import { useTexts } from '../../i18n';

interface Props {
  catalog: Catalog;
  tpaId: string;
  query: UseQueryResult<Point[]>;
}

export function Points({ catalog, tpaId, query }: Props) {
  const { t, day, number } = useTexts();
  const mayEdit = useMayEdit();
  const [range, setRange] = useState(EVERYTHING);
  const [asking, setAsking] = useState(false);
  const columns: Column<Point>[] = [
    { id: 'result', header: t('field.result'), text: (row) => String(row.guaranteeResult), cell: (row) => <Result value={row.guaranteeResult} /> },
    { id: 'guarantee', header: t('points.guarantee'), text: (row) => row.guaranteeId, cell: (row) => <span className="font-medium break-words">{row.guaranteeId}</span> },
    { id: 'value', header: t('field.value'), align: 'end', text: (row) => row.guaranteeValue, cell: (row) => number(row.guaranteeValue, 2) },
    { id: 'scope', header: t('field.scope'), from: 'sm', text: (row) => JSON.stringify(row.scope), cell: (row) => <ScopeBadges scope={row.scope} /> },
    { id: 'time', header: t('points.time'), text: (row) => row.timestamp, cell: (row) => <span className="whitespace-nowrap">{day(row.timestamp)}</span> },
  ];
  const empty = <Notice icon={ChartLine} title={t('points.empty')} text={t('points.emptyText')} />;
  return (
    <div className="space-y-5">
      <div className="flex flex-wrap items-center justify-between gap-3">
        <RangeBar range={range} onChange={setRange} />
        {mayEdit && (
          <Button look="primary" icon={Calculator} onClick={() => setAsking(true)}>
            {t('points.calculate')}
          </Button>
        )}
      </div>
      <Section title={t('points.chart')}>
        <Loaded query={query} rows={6} isEmpty={(all) => !all.some((point) => within(point.timestamp, range))} empty={empty}>
          {(all) => <LineChart label={t('points.chart')} lines={byGuarantee(all.filter((point) => within(point.timestamp, range)))} floor={0} ceiling={100} />}
        </Loaded>
      </Section>
      <Card className="pt-4">
        <Loaded query={query} isEmpty={() => false}>
          {(all) => (
            <DataTable
              name={t('points.title')}
              rows={all.filter((point) => within(point.timestamp, range))}
              columns={columns}
              rowKey={(row) => row.id}
              rowName={(row) => row.guaranteeId}
              initialSorting={{ column: 'time', descending: true }}
              empty={empty}
            />
          )}
        </Loaded>
      </Card>
      {asking && <Calculate catalog={catalog} tpaId={tpaId} onClose={() => setAsking(false)} />}
    </div>
  );
}

function Calculate({ catalog, tpaId, onClose }: { catalog: Catalog; tpaId: string; onClose: () => void }) {
  const { t } = useTexts();
  const client = useQueryClient();
  const end = dayInput(catalog.endDate);
  const { form, submit, problem, busy } = useServerForm({
    schema: rangeRules,
    defaults: { startDate: dayInput(catalog.startDate), endDate: end && end < today() ? end : today() },
    words: { startDate: ['from'], endDate: ['to'] },
    send: async ({ startDate, endDate }) => {
      const points = await computePoints(tpaId, startDate, endDate);
      toast(t('points.done', { n: points.length }));
      await Promise.all([pointKeys.all, computationKeys.all, controlKeys.all, catalogKeys.all].map((queryKey) => client.invalidateQueries({ queryKey })));
      onClose();
    },
  });
  return (
    <Modal open onClose={onClose} title={t('points.calculateTitle')} description={t('points.calculateText')}>
      <form onSubmit={(event) => void submit(event)} noValidate className="space-y-4">
        <div className="grid gap-4 sm:grid-cols-2">
          <TextField form={form} name="startDate" type="date" label={t('field.from')} required />
          <TextField form={form} name="endDate" type="date" label={t('field.to')} required min={form.watch('startDate')} />
        </div>
        {busy && (
          <p role="status" className="text-sm text-muted">
            {t('points.running')}
          </p>
        )}
        <FormActions problem={problem} busy={busy} label={t('points.calculate')} onCancel={onClose} />
      </form>
    </Modal>
  );
}

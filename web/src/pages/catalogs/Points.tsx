// The compliance of a catalog over time: stored points, and the way to have them calculated.

import { useQuery, type UseQueryResult } from '@tanstack/react-query';
import { Calculator, ChartLine } from 'lucide-react';
import { useState } from 'react';
import { Link } from 'react-router';
import { catalogKeys, controlsOf } from '../../api/catalogs';
import type { Catalog, Point } from '../../api/schema';
import { useMayEdit } from '../../app/session';
import { byGuarantee, guaranteeOf, titlesOf } from '../../charts/compliance';
import { LineChart } from '../../charts/LineChart';
import { Result, ScopeBadges } from '../../components/Badge';
import { Button } from '../../components/Button';
import { Card, Section } from '../../components/Card';
import { DataTable, type Column } from '../../components/DataTable';
import { later } from '../../components/later';
import { EVERYTHING, RangeBar, within } from '../../components/RangeBar';
import { Loaded, Notice } from '../../components/States';
import { useTexts } from '../../i18n';

const Calculate = later(async () => (await import('./Calculate')).Calculate);

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
  const shown = (query.data ?? []).filter((point) => within(point.timestamp, range));
  // Several levels would be drawn over each other.
  const controls = useQuery({ queryKey: catalogKeys.controls(catalog.id), queryFn: () => controlsOf(catalog.id) });
  const levels = new Set(controls.data?.map((control) => Number(control.params?.threshold)).filter(Number.isFinite));
  const [value] = levels;
  const level = levels.size === 1 && value !== undefined ? { value, label: t('points.level', { n: number(value) }) } : undefined;
  const title = titlesOf(controls.data ?? []);
  const named = (guarantee: string) => {
    const control = controls.data?.find(({ name }) => guaranteeOf(name) === guarantee);
    return control ? (
      <Link to={`/app/catalogs/${catalog.id}/controls/${control.id}`} className="font-medium hover:text-accent-text hover:underline">
        {control.name}
      </Link>
    ) : (
      <span className="font-medium break-words">{guarantee}</span>
    );
  };
  const columns: Column<Point>[] = [
    { id: 'result', header: t('field.result'), text: (row) => String(row.guaranteeResult), cell: (row) => <Result value={row.guaranteeResult} wordless="phone" /> },
    { id: 'guarantee', header: t('points.guarantee'), text: (row) => title(row.guaranteeId), cell: (row) => named(row.guaranteeId) },
    { id: 'value', header: t('field.value'), align: 'end', text: (row) => row.guaranteeValue, cell: (row) => <span className="whitespace-nowrap">{number(row.guaranteeValue, 2)} %</span> },
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
      <Section title={t('points.chart')} description={t('points.chartText')}>
        <Loaded query={query} rows={6} isEmpty={() => shown.length === 0} empty={empty}>
          {() => <LineChart label={t('points.chart')} lines={byGuarantee(shown).map((line) => ({ ...line, name: title(line.name) }))} unit=" %" floor={0} ceiling={100} level={level} />}
        </Loaded>
      </Section>
      {shown.length > 0 && (
        <Card className="pt-4">
          <DataTable
            name={t('points.title')}
            rows={shown}
            columns={columns}
            rowKey={(row) => row.id}
            rowName={(row) => title(row.guaranteeId)}
            initialSorting={{ column: 'time', descending: true }}
          />
        </Card>
      )}
      {asking && <Calculate catalog={catalog} tpaId={tpaId} onClose={() => setAsking(false)} />}
    </div>
  );
}

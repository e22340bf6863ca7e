// What was computed for a control, within a span of time: per day, and row by row.

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Calculator, Trash2 } from 'lucide-react';
import { useState } from 'react';
import { Link } from 'react-router';
import { computationKeys } from '../../api/computations';
import { controlKeys, deleteComputationsOf } from '../../api/controls';
import { resultsOf } from '../../api/results';
import type { Computation, Control } from '../../api/schema';
import { useMayEdit } from '../../app/session';
import { BarChart } from '../../charts/BarChart';
import { evidenceShare, perDay, timeOf } from '../../charts/compliance';
import { Result, ScopeBadges } from '../../components/Badge';
import { Button } from '../../components/Button';
import { Section } from '../../components/Card';
import { DataTable, type Column } from '../../components/DataTable';
import { Confirm } from '../../components/Modal';
import { EVERYTHING, RangeBar, within } from '../../components/RangeBar';
import { Loaded, Notice } from '../../components/States';
import { toast } from '../../components/toasts';
import { useTexts } from '../../i18n';

export function Computations({ control, catalogId }: { control: Control; catalogId: number }) {
  const { t, time, day } = useTexts();
  const mayEdit = useMayEdit();
  const client = useQueryClient();
  const [range, setRange] = useState(EVERYTHING);
  const [asking, setAsking] = useState(false);
  const query = useQuery({ queryKey: controlKeys.computations(control.id), queryFn: () => resultsOf(control, catalogId) });
  const remove = useMutation({
    mutationFn: () => deleteComputationsOf(control.id),
    onSuccess: () => {
      toast(t('computations.deleted'));
      return Promise.all([controlKeys.computations(control.id), computationKeys.all].map((queryKey) => client.invalidateQueries({ queryKey })));
    },
  });
  // Others are not this control's to delete.
  const own = (query.data ?? []).filter((row) => row.controlId === control.id).length;
  const rows = (query.data ?? []).filter((row) => within(timeOf(row), range));
  const order = new Map([...(query.data ?? [])].sort((a, b) => (a.createdAt < b.createdAt ? -1 : 1)).map((row, index) => [row.id, index + 1]));
  const columns: Column<Computation>[] = [
    {
      id: 'number',
      header: '#',
      text: (row) => order.get(row.id),
      cell: (row) => (
        <Link to={`/app/catalogs/${catalogId}/controls/${control.id}/computations/${row.id}`} className="font-medium text-accent-text hover:underline" aria-label={t('computation.open', { n: order.get(row.id) ?? 0 })}>
          {order.get(row.id)}
        </Link>
      ),
    },
    { id: 'result', header: t('field.result'), text: (row) => String(row.value), cell: (row) => <Result value={row.value} /> },
    { id: 'scope', header: t('field.scope'), from: 'sm', text: (row) => Object.entries(row.scope ?? {}).flat().join(' '), cell: (row) => <ScopeBadges scope={row.scope} /> },
    {
      id: 'evidences',
      header: t('computations.evidences'),
      from: 'md',
      align: 'end',
      text: (row) => evidenceShare(row).met,
      cell: (row) => t('computation.evidences', { ...evidenceShare(row) }),
    },
    { id: 'from', header: t('field.from'), text: (row) => String(row.period?.from ?? ''), cell: (row) => <span className="whitespace-nowrap">{day(row.period?.from as string | undefined)}</span> },
    { id: 'created', header: t('field.created'), from: 'md', text: (row) => row.createdAt, cell: (row) => <span className="whitespace-nowrap">{time(row.createdAt)}</span> },
  ];
  const empty = <Notice icon={Calculator} title={t('computations.empty')} text={t('computations.emptyText')} />;
  return (
    <Section
      title={t('computations.title')}
      description={t('computations.text')}
      flush
      actions={
        mayEdit &&
        own > 0 && (
          <Button size="sm" look="danger" icon={Trash2} onClick={() => setAsking(true)}>
            {t('computations.deleteAll')}
          </Button>
        )
      }
    >
      <div className="px-4 pb-4 sm:px-5">
        <RangeBar range={range} onChange={setRange} />
      </div>
      <Loaded query={query} isEmpty={() => rows.length === 0} empty={<div className="border-t border-line">{empty}</div>}>
        {() => (
          <>
            <div className="px-4 pb-5 sm:px-5">
              <BarChart label={t('computations.chart')} bars={perDay(rows)} />
            </div>
            <DataTable
              name={t('computations.title')}
              rows={rows}
              columns={columns}
              rowKey={(row) => row.id}
              rowName={(row) => String(order.get(row.id))}
              initialSorting={{ column: 'number', descending: true }}
            />
          </>
        )}
      </Loaded>
      <Confirm
        open={asking}
        onClose={() => setAsking(false)}
        title={t('computations.deleteTitle')}
        text={t('computations.deleteText', { n: own })}
        action={t('action.delete')}
        onConfirm={() => remove.mutateAsync()}
      />
    </Section>
  );
}

// The controls of a catalog.

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { ClipboardList, Plus, Trash2 } from 'lucide-react';
import { useState } from 'react';
import { Link } from 'react-router';
import { catalogKeys, controlsOf } from '../../api/catalogs';
import { pointKeys, pointsOf } from '../../api/computations';
import { controlKeys, deleteControl } from '../../api/controls';
import { listScopeSets, scopeKeys } from '../../api/scopes';
import type { Catalog, Control } from '../../api/schema';
import { useMayEdit } from '../../app/session';
import { current, guaranteeOf } from '../../charts/compliance';
import { Badge, Result, ScopeBadges } from '../../components/Badge';
import { Button } from '../../components/Button';
import { Card } from '../../components/Card';
import { DataTable, type Column } from '../../components/DataTable';
import { later } from '../../components/later';
import { Confirm } from '../../components/Modal';
import { Loaded, Notice } from '../../components/States';
import { toast } from '../../components/toasts';
import { toPairs } from '../../forms/pairs';
import { useTexts } from '../../i18n';
import { ActiveFilters, ControlFilters } from './ControlFilters';
import { matches, NO_FILTERS, scopesOf } from './filters';

const ControlForm = later(async () => (await import('../controls/ControlForm')).ControlForm);

export function ControlTable({ catalog }: { catalog: Catalog }) {
  const { t, day } = useTexts();
  const mayEdit = useMayEdit();
  const client = useQueryClient();
  const tpaId = catalog.tpaId ?? '';
  const query = useQuery({ queryKey: catalogKeys.controls(catalog.id), queryFn: () => controlsOf(catalog.id) });
  const sets = useQuery({ queryKey: scopeKeys.sets, queryFn: listScopeSets });
  const points = useQuery({ queryKey: [...pointKeys.all, tpaId], queryFn: () => pointsOf(tpaId), enabled: tpaId !== '' });
  const [selected, setSelected] = useState<Set<string>>(new Set());
  const [creating, setCreating] = useState(false);
  const [leaving, setLeaving] = useState<Control[]>([]);
  const [filters, setFilters] = useState(NO_FILTERS);

  const remove = useMutation({
    mutationFn: async (rows: Control[]) => {
      for (const row of rows) await deleteControl(row.id);
      return rows.length;
    },
    onSuccess: (n) => toast(t('controls.deleted', { n })),
    onSettled: () => {
      setSelected(new Set());
      return Promise.all([catalogKeys.controls(catalog.id), controlKeys.all].map((queryKey) => client.invalidateQueries({ queryKey })));
    },
  });

  const scopes = (control: Control) => scopesOf(sets.data ?? [], control.id);
  const shown = (control: Control) => Object.fromEntries([...scopes(control)].map(([name, values]) => [name, values.join(', ')]));
  const resultOf = (control: Control) => {
    const share = current((points.data ?? []).filter((point) => point.guaranteeId === guaranteeOf(control.name)));
    return share.total === 0 ? undefined : share.met === share.total;
  };
  const choices = new Map<string, string[]>();
  for (const control of query.data ?? []) {
    for (const [name, values] of scopes(control)) choices.set(name, [...new Set([...(choices.get(name) ?? []), ...values])]);
  }

  const columns: Column<Control>[] = [
    { id: 'result', header: t('field.result'), text: (row) => String(resultOf(row)), cell: (row) => <Result value={resultOf(row)} wordless /> },
    {
      id: 'name',
      header: t('field.name'),
      text: (row) => row.name,
      cell: (row) => (
        <span className="flex flex-wrap items-center gap-2">
          <Link to={`/app/catalogs/${catalog.id}/controls/${row.id}`} className="font-medium hover:text-accent-text hover:underline">
            {row.name}
          </Link>
          {row.status === 'draft' && <Badge tone="warn">{t('catalogs.draft')}</Badge>}
        </span>
      ),
    },
    { id: 'description', header: t('field.description'), from: 'lg', text: (row) => row.description, cell: (row) => <span className="line-clamp-2 max-w-sm text-muted">{row.description || t('field.noDescription')}</span> },
    { id: 'period', header: t('field.period'), from: 'sm', text: (row) => t(`period.${row.period}`), cell: (row) => t(`period.${row.period}`) },
    { id: 'start', header: t('field.start'), from: 'md', text: (row) => row.startDate, cell: (row) => <span className="whitespace-nowrap">{day(row.startDate)}</span> },
    { id: 'end', header: t('field.end'), from: 'md', text: (row) => row.endDate, cell: (row) => <span className="whitespace-nowrap">{day(row.endDate)}</span> },
    { id: 'mashup', header: t('controls.mashupId'), hidden: true, text: (row) => row.mashupId, cell: (row) => <code className="text-xs">{row.mashupId || '–'}</code> },
    {
      id: 'params',
      header: t('controls.params'),
      hidden: true,
      text: (row) => JSON.stringify(row.params),
      cell: (row) => <ScopeBadges scope={Object.fromEntries(toPairs(row.params).map(({ name, value }) => [name, value]))} />,
    },
    { id: 'scopes', header: t('nav.scopes'), from: 'sm', text: (row) => Object.entries(shown(row)).flat().join(' '), cell: (row) => <ScopeBadges scope={shown(row)} /> },
  ];

  return (
    <Card className="pt-4">
      <Loaded query={query} isEmpty={() => false}>
        {(controls) => {
          const rows = controls.filter((control) => matches(control, scopes(control), filters));
          const chosen = controls.filter((row) => selected.has(String(row.id)));
          const add = (
            <Button size="sm" className="h-9" look="primary" icon={Plus} onClick={() => setCreating(true)}>
              {t('controls.new')}
            </Button>
          );
          return (
            <>
              <ActiveFilters filters={filters} onChange={setFilters} />
              <DataTable
                name={t('controls.title')}
                rows={rows}
                columns={columns}
                rowKey={(row) => String(row.id)}
                rowName={(row) => row.name}
                selection={mayEdit ? { selected, onChange: setSelected } : undefined}
                empty={controls.length === 0 && <Notice icon={ClipboardList} title={t('controls.empty')} text={t('controls.emptyText')} />}
                tools={
                  <>
                    {mayEdit && chosen.length > 0 && (
                      <Button size="sm" className="h-9" look="danger" icon={Trash2} onClick={() => setLeaving(chosen)}>
                        {t('action.deleteSome', { n: chosen.length })}
                      </Button>
                    )}
                    <ControlFilters filters={filters} choices={choices} onChange={setFilters} />
                    {mayEdit && add}
                  </>
                }
              />
            </>
          );
        }}
      </Loaded>
      {creating && <ControlForm catalogId={catalog.id} draft={catalog.status === 'draft'} onClose={() => setCreating(false)} />}
      <Confirm
        open={leaving.length > 0}
        onClose={() => setLeaving([])}
        title={t('controls.deleteTitle')}
        text={t('controls.deleteText', { name: leaving.map((row) => row.name).join(', ') })}
        action={t('action.delete')}
        onConfirm={() => remove.mutateAsync(leaving)}
      />
    </Card>
  );
}

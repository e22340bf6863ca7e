// All catalogs, drafts included.

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { BookMarked, ExternalLink, MoreHorizontal, Pencil, Plus, Trash2 } from 'lucide-react';
import { useState } from 'react';
import { Link } from 'react-router';
import { catalogKeys, deleteCatalog, listCatalogs } from '../../api/catalogs';
import { listPoints, pointKeys } from '../../api/computations';
import type { Catalog } from '../../api/schema';
import { useMayEdit } from '../../app/session';
import { byAgreement, current, ratio } from '../../charts/compliance';
import { Meter } from '../../charts/Meter';
import { Badge } from '../../components/Badge';
import { Button, IconButton, LinkButton } from '../../components/Button';
import { Card } from '../../components/Card';
import { DataTable, type Column } from '../../components/DataTable';
import { later } from '../../components/later';
import { Menu, MenuItem } from '../../components/Menu';
import { Confirm } from '../../components/Modal';
import { Page } from '../../components/Page';
import { Loaded, Notice } from '../../components/States';
import { toast } from '../../components/toasts';
import { useTexts } from '../../i18n';

const CatalogEdit = later(async () => (await import('./CatalogEdit')).CatalogEdit);

export default function CatalogList() {
  const { t } = useTexts();
  const mayEdit = useMayEdit();
  const query = useQuery({ queryKey: catalogKeys.all, queryFn: listCatalogs });
  const create = (
    <LinkButton to="/app/catalogs/new" look="primary" icon={Plus}>
      {t('catalogs.new')}
    </LinkButton>
  );
  return (
    <Page title={t('nav.catalogs')} description={t('catalogs.text')} actions={mayEdit && create}>
      <Card className="pt-4">
        <Loaded query={query} isEmpty={() => false}>
          {(catalogs) => <Table catalogs={catalogs} empty={<Notice icon={BookMarked} title={t('catalogs.empty')} text={t('catalogs.emptyText')} action={mayEdit && create} />} />}
        </Loaded>
      </Card>
    </Page>
  );
}

function Table({ catalogs, empty }: { catalogs: Catalog[]; empty: React.ReactNode }) {
  const { t, day } = useTexts();
  const mayEdit = useMayEdit();
  const client = useQueryClient();
  const [selected, setSelected] = useState<Set<string>>(new Set());
  const [editing, setEditing] = useState<Catalog>();
  const [leaving, setLeaving] = useState<Catalog[]>([]);
  const points = useQuery({ queryKey: pointKeys.all, queryFn: listPoints });
  const groups = byAgreement(points.data ?? []);
  const shareOf = (catalog: Catalog) => ratio(current(catalog.tpaId ? (groups.get(catalog.tpaId) ?? []) : []));

  const remove = useMutation({
    mutationFn: async (rows: Catalog[]) => {
      for (const row of rows) await deleteCatalog(row.id);
      return rows.length;
    },
    onSuccess: (n) => toast(t('catalogs.deleted', { n })),
    onSettled: () => {
      setSelected(new Set());
      return client.invalidateQueries({ queryKey: catalogKeys.all });
    },
  });

  const columns: Column<Catalog>[] = [
    {
      id: 'name',
      header: t('catalogs.name'),
      text: (row) => row.name,
      cell: (row) => (
        <span className="flex flex-wrap items-center gap-2">
          <Link to={`/app/catalogs/${row.id}`} className="font-medium hover:text-accent-text hover:underline">
            {row.name}
          </Link>
          {row.status === 'draft' && <Badge tone="warn">{t('catalogs.draft')}</Badge>}
        </span>
      ),
    },
    {
      id: 'description',
      header: t('field.description'),
      from: 'lg',
      text: (row) => row.description,
      cell: (row) => <span className="line-clamp-2 max-w-sm text-muted">{row.description || t('field.noDescription')}</span>,
    },
    {
      id: 'compliance',
      header: t('compliance.title'),
      text: shareOf,
      cell: (row) => (
        <div className="w-28 sm:w-40">
          <Meter share={shareOf(row)} label={t('compliance.label', { name: row.name })} />
        </div>
      ),
    },
    { id: 'start', header: t('field.start'), from: 'md', text: (row) => row.startDate, cell: (row) => <span className="whitespace-nowrap">{day(row.startDate)}</span> },
    { id: 'end', header: t('field.end'), from: 'md', text: (row) => row.endDate, cell: (row) => <span className="whitespace-nowrap">{day(row.endDate)}</span> },
    {
      id: 'dashboard',
      header: t('field.dashboard'),
      from: 'sm',
      cell: (row) =>
        row.dashboard_id ? (
          <Link to={`/app/dashboards/${row.dashboard_id}`} aria-label={t('catalogs.dashboardOf', { name: row.name })} className="inline-flex text-accent-text hover:underline">
            <ExternalLink className="size-4" aria-hidden />
          </Link>
        ) : (
          <span className="text-muted">–</span>
        ),
    },
  ];
  const chosen = catalogs.filter((row) => selected.has(String(row.id)));
  return (
    <>
      <DataTable
        name={t('nav.catalogs')}
        rows={catalogs}
        columns={columns}
        rowKey={(row) => String(row.id)}
        rowName={(row) => row.name}
        empty={empty}
        selection={mayEdit ? { selected, onChange: setSelected } : undefined}
        tools={
          chosen.length > 0 && (
            <Button size="sm" className="h-9" look="danger" icon={Trash2} onClick={() => setLeaving(chosen)}>
              {t('action.deleteSome', { n: chosen.length })}
            </Button>
          )
        }
        actions={
          mayEdit
            ? (row) => (
                <Menu trigger={<IconButton icon={MoreHorizontal} label={t('table.actionsFor', { name: row.name })} />}>
                  <MenuItem icon={Pencil} onSelect={() => setEditing(row)}>
                    {t('action.edit')}
                  </MenuItem>
                  <MenuItem icon={Trash2} danger onSelect={() => setLeaving([row])}>
                    {t('action.delete')}
                  </MenuItem>
                </Menu>
              )
            : undefined
        }
      />
      {editing && <CatalogEdit catalog={editing} onClose={() => setEditing(undefined)} />}
      <Confirm
        open={leaving.length > 0}
        onClose={() => setLeaving([])}
        title={t('catalogs.deleteTitle')}
        text={t('catalogs.deleteText', { name: leaving.map((row) => row.name).join(', ') })}
        action={t('action.delete')}
        onConfirm={() => remove.mutateAsync(leaving)}
      />
    </>
  );
}

// All scopes.

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Crosshair, Pencil, Plus, Trash2 } from 'lucide-react';
import { useState } from 'react';
import { deleteScope, listScopes, scopeKeys } from '../../api/scopes';
import type { Scope } from '../../api/schema';
import { useMayEdit } from '../../app/session';
import { Badge } from '../../components/Badge';
import { Button, IconButton } from '../../components/Button';
import { Card } from '../../components/Card';
import { DataTable, type Column } from '../../components/DataTable';
import { later } from '../../components/later';
import { Confirm } from '../../components/Modal';
import { Loaded, Notice } from '../../components/States';
import { toast } from '../../components/toasts';
import { useTexts } from '../../i18n';
import { scopeTitle } from './names';

const ScopeForm = later(async () => (await import('./ScopeForm')).ScopeForm);

export function ScopeTable() {
  const { t } = useTexts();
  const mayEdit = useMayEdit();
  const client = useQueryClient();
  const query = useQuery({ queryKey: scopeKeys.all, queryFn: listScopes });
  const [selected, setSelected] = useState<Set<string>>(new Set());
  const [editing, setEditing] = useState<Scope | 'new'>();
  const [leaving, setLeaving] = useState<Scope[]>([]);
  const remove = useMutation({
    mutationFn: async (rows: Scope[]) => {
      for (const row of rows) await deleteScope(row.id);
      return rows.length;
    },
    onSuccess: (n) => toast(t('scopes.deleted', { n })),
    onSettled: () => {
      setSelected(new Set());
      return client.invalidateQueries({ queryKey: scopeKeys.all });
    },
  });
  const typeOf = ({ type }: Scope) => (type === 'string' || type === 'number' || type === 'boolean' ? t(`scopes.${type}`) : type);
  const columns: Column<Scope>[] = [
    { id: 'name', header: t('field.name'), text: (row) => scopeTitle(row.name), cell: (row) => <span className="font-medium">{scopeTitle(row.name)}</span> },
    { id: 'description', header: t('field.description'), from: 'sm', text: (row) => row.description, cell: (row) => <span className="text-muted">{row.description}</span> },
    { id: 'type', header: t('field.type'), text: (row) => typeOf(row), cell: (row) => <Badge tone="info">{typeOf(row)}</Badge> },
    { id: 'default', header: t('scopes.default'), from: 'md', text: (row) => row.default, cell: (row) => <code className="text-[0.8125rem]">{row.default}</code> },
  ];
  const create = (
    <Button size="sm" className="h-9" look="primary" icon={Plus} onClick={() => setEditing('new')}>
      {t('scopes.new')}
    </Button>
  );
  return (
    <Card className="pt-4">
      <Loaded query={query} isEmpty={() => false}>
        {(scopes) => {
          const chosen = scopes.filter((row) => selected.has(row.id));
          return (
            <DataTable
              name={t('nav.scopes')}
              rows={scopes}
              columns={columns}
              rowKey={(row) => row.id}
              rowName={(row) => scopeTitle(row.name)}
              selection={mayEdit ? { selected, onChange: setSelected } : undefined}
              empty={<Notice icon={Crosshair} title={t('scopes.empty')} text={t('scopes.emptyText')} />}
              tools={
                mayEdit && (
                  <>
                    {chosen.length > 0 && (
                      <Button size="sm" className="h-9" look="danger" icon={Trash2} onClick={() => setLeaving(chosen)}>
                        {t('action.deleteSome', { n: chosen.length })}
                      </Button>
                    )}
                    {create}
                  </>
                )
              }
              actions={mayEdit ? (row) => <IconButton icon={Pencil} label={t('action.editOne', { name: scopeTitle(row.name) })} onClick={() => setEditing(row)} /> : undefined}
            />
          );
        }}
      </Loaded>
      {editing && <ScopeForm scope={editing === 'new' ? undefined : editing} onClose={() => setEditing(undefined)} />}
      <Confirm
        open={leaving.length > 0}
        onClose={() => setLeaving([])}
        title={t('scopes.deleteTitle')}
        text={t('scopes.deleteText', { name: leaving.map((row) => scopeTitle(row.name)).join(', ') })}
        action={t('action.delete')}
        onConfirm={() => remove.mutateAsync(leaving)}
      />
    </Card>
  );
}

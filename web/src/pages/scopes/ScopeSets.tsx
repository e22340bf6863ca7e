// All scope sets: one concrete scope of one control each.

import { useQuery } from '@tanstack/react-query';
import { Crosshair, Pencil, Plus } from 'lucide-react';
import { useState } from 'react';
import { Link } from 'react-router';
import { controlKeys, listControls } from '../../api/controls';
import { listScopeSets, scopeKeys } from '../../api/scopes';
import type { Control, ScopeSet } from '../../api/schema';
import { useMayEdit } from '../../app/session';
import { ScopeBadges } from '../../components/Badge';
import { Button, IconButton } from '../../components/Button';
import { Card } from '../../components/Card';
import { DataTable, type Column } from '../../components/DataTable';
import { later } from '../../components/later';
import { Loaded, Notice } from '../../components/States';
import { useTexts } from '../../i18n';

const ScopeSetForm = later(async () => (await import('./ScopeSetForm')).ScopeSetForm);

export function ScopeSets() {
  const { t } = useTexts();
  const mayEdit = useMayEdit();
  const query = useQuery({ queryKey: scopeKeys.sets, queryFn: listScopeSets });
  const controls = useQuery({ queryKey: controlKeys.all, queryFn: listControls });
  const [editing, setEditing] = useState<ScopeSet | 'new'>();
  const controlOf = (set: ScopeSet): Control | undefined => controls.data?.find((control) => control.id === set.controlId);
  const nameOf = (set: ScopeSet) => controlOf(set)?.name ?? t('sets.unknown', { id: set.controlId });
  const columns: Column<ScopeSet>[] = [
    {
      id: 'control',
      header: t('field.control'),
      text: nameOf,
      cell: (set) => {
        const control = controlOf(set);
        if (!control?.catalogId) return <span className="text-muted">{nameOf(set)}</span>;
        return (
          <Link to={`/app/catalogs/${control.catalogId}/controls/${control.id}`} className="font-medium hover:text-accent-text hover:underline">
            {control.name}
          </Link>
        );
      },
    },
    { id: 'scopes', header: t('nav.scopes'), text: (set) => Object.entries(set.scopes).flat().join(' '), cell: (set) => <ScopeBadges scope={set.scopes} /> },
  ];
  return (
    <Card className="pt-4">
      <Loaded query={query} isEmpty={() => false}>
        {(sets) => (
          <DataTable
            name={t('sets.title')}
            rows={sets}
            columns={columns}
            rowKey={(set) => set._id}
            rowName={nameOf}
            empty={<Notice icon={Crosshair} title={t('sets.empty')} text={t('sets.emptyText')} />}
            tools={
              mayEdit && (
                <Button size="sm" className="h-9" look="primary" icon={Plus} onClick={() => setEditing('new')} disabled={!controls.data}>
                  {t('sets.new')}
                </Button>
              )
            }
            actions={mayEdit ? (set) => <IconButton icon={Pencil} label={t('action.editOne', { name: nameOf(set) })} onClick={() => setEditing(set)} /> : undefined}
          />
        )}
      </Loaded>
      {editing && <ScopeSetForm set={editing === 'new' ? undefined : editing} controls={controls.data ?? []} onClose={() => setEditing(undefined)} />}
    </Card>
  );
}

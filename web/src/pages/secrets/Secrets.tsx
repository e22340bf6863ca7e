// The secrets of who is signed in.

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { KeyRound, Pencil, Plus, Trash2 } from 'lucide-react';
import { useState } from 'react';
import { deleteSecret, listSecrets, SECRET_TYPES, secretKeys } from '../../api/secrets';
import type { Secret } from '../../api/schema';
import { useMayEdit } from '../../app/session';
import { Badge } from '../../components/Badge';
import { Button, IconButton } from '../../components/Button';
import { Card } from '../../components/Card';
import { DataTable, type Column } from '../../components/DataTable';
import { later } from '../../components/later';
import { Confirm } from '../../components/Modal';
import { Page } from '../../components/Page';
import { Loaded, Notice } from '../../components/States';
import { toast } from '../../components/toasts';
import { useTexts } from '../../i18n';
import { ShownOnce } from './ShownOnce';

const SecretForm = later(async () => (await import('./SecretForm')).SecretForm);

export default function Secrets() {
  const { t, time } = useTexts();
  const mayEdit = useMayEdit();
  const client = useQueryClient();
  const query = useQuery({ queryKey: secretKeys.all, queryFn: listSecrets });
  const [editing, setEditing] = useState<Secret | 'new'>();
  const [created, setCreated] = useState<Secret>();
  const [leaving, setLeaving] = useState<Secret>();
  const remove = useMutation({
    mutationFn: (row: Secret) => deleteSecret(row.id),
    onSuccess: () => toast(t('secrets.deleted')),
    onSettled: () => client.invalidateQueries({ queryKey: secretKeys.all }),
  });
  const typeOf = (row: Secret) => {
    const known = SECRET_TYPES.find((type) => type === row.type);
    return known ? t(`secrets.${known}`) : row.type;
  };
  const columns: Column<Secret>[] = [
    { id: 'name', header: t('field.name'), text: (row) => row.name, cell: (row) => <span className="font-medium break-all">{row.name}</span> },
    { id: 'type', header: t('field.type'), text: typeOf, cell: (row) => <Badge tone="info">{typeOf(row)}</Badge> },
    { id: 'version', header: t('secrets.version'), from: 'sm', align: 'end', text: (row) => row.version, cell: (row) => row.version },
    { id: 'created', header: t('field.created'), from: 'md', text: (row) => row.createdAt, cell: (row) => <span className="whitespace-nowrap">{time(row.createdAt)}</span> },
    { id: 'updated', header: t('field.updated'), from: 'md', text: (row) => row.updatedAt, cell: (row) => <span className="whitespace-nowrap">{time(row.updatedAt)}</span> },
  ];
  return (
    <Page
      title={t('nav.secrets')}
      description={t('secrets.text')}
      actions={
        mayEdit && (
          <Button look="primary" icon={Plus} onClick={() => setEditing('new')}>
            {t('secrets.new')}
          </Button>
        )
      }
    >
      <Card className="pt-4">
        <Loaded query={query} isEmpty={() => false}>
          {(secrets) => (
            <DataTable
              name={t('nav.secrets')}
              rows={secrets}
              columns={columns}
              rowKey={(row) => String(row.id)}
              rowName={(row) => row.name}
              empty={<Notice icon={KeyRound} title={t('secrets.empty')} text={t('secrets.emptyText')} />}
              actions={
                mayEdit
                  ? (row) => (
                      <>
                        <IconButton icon={Pencil} label={t('action.editOne', { name: row.name })} onClick={() => setEditing(row)} />
                        <IconButton icon={Trash2} label={t('action.deleteOne', { name: row.name })} onClick={() => setLeaving(row)} />
                      </>
                    )
                  : undefined
              }
            />
          )}
        </Loaded>
      </Card>
      {editing && <SecretForm secret={editing === 'new' ? undefined : editing} onCreated={setCreated} onClose={() => setEditing(undefined)} />}
      {created && <ShownOnce secret={created} onClose={() => setCreated(undefined)} />}
      <Confirm
        open={leaving !== undefined}
        onClose={() => setLeaving(undefined)}
        title={t('secrets.deleteTitle')}
        text={t('secrets.deleteText', { name: leaving?.name ?? '' })}
        action={t('action.delete')}
        onConfirm={async () => leaving && remove.mutateAsync(leaving)}
      />
    </Page>
  );
}

// All accounts. For administrators.

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Trash2, UserPlus, Users } from 'lucide-react';
import { useState } from 'react';
import { deleteUser, listUsers, userKeys } from '../../api/users';
import type { User } from '../../api/schema';
import { useUser } from '../../app/session';
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

const UserForm = later(async () => (await import('./UserForm')).UserForm);

export default function UserList() {
  const { t, time } = useTexts();
  const me = useUser();
  const client = useQueryClient();
  const query = useQuery({ queryKey: userKeys.all, queryFn: listUsers });
  const [creating, setCreating] = useState(false);
  const [leaving, setLeaving] = useState<User>();
  const remove = useMutation({
    mutationFn: (row: User) => deleteUser(row.id),
    onSuccess: () => toast(t('users.deleted')),
    onSettled: () => client.invalidateQueries({ queryKey: userKeys.all }),
  });
  const columns: Column<User>[] = [
    {
      id: 'name',
      header: t('signIn.username'),
      text: (row) => row.username,
      cell: (row) => (
        <span className="flex items-center gap-2 font-medium">
          {row.username}
          {row.username === me.username && <Badge tone="accent">{t('users.you')}</Badge>}
        </span>
      ),
    },
    { id: 'email', header: t('profile.email'), from: 'sm', text: (row) => row.email, cell: (row) => <span className="text-muted">{row.email}</span> },
    { id: 'role', header: t('profile.role'), text: (row) => t(`role.${row.authority}`), cell: (row) => <Badge tone={row.authority === 'ADMIN' ? 'warn' : row.authority === 'DEVELOPER' ? 'info' : 'neutral'}>{t(`role.${row.authority}`)}</Badge> },
    { id: 'created', header: t('field.created'), from: 'md', text: (row) => row.createdAt, cell: (row) => <span className="whitespace-nowrap">{time(row.createdAt)}</span> },
  ];
  return (
    <Page
      title={t('nav.users')}
      description={t('users.text')}
      actions={
        <Button look="primary" icon={UserPlus} onClick={() => setCreating(true)}>
          {t('users.new')}
        </Button>
      }
    >
      <Card className="pt-4">
        <Loaded query={query} isEmpty={() => false}>
          {(users) => (
            <DataTable
              name={t('nav.users')}
              rows={users}
              columns={columns}
              rowKey={(row) => String(row.id)}
              rowName={(row) => row.username}
              empty={<Notice icon={Users} title={t('table.none')} />}
              // One's own account stays: somebody must be able to come back.
              actions={(row) => row.username !== me.username && <IconButton icon={Trash2} label={t('action.deleteOne', { name: row.username })} onClick={() => setLeaving(row)} />}
            />
          )}
        </Loaded>
      </Card>
      {creating && <UserForm onClose={() => setCreating(false)} />}
      <Confirm
        open={leaving !== undefined}
        onClose={() => setLeaving(undefined)}
        title={t('users.deleteTitle')}
        text={t('users.deleteText', { name: leaving?.username ?? '' })}
        action={t('action.delete')}
        onConfirm={async () => leaving && remove.mutateAsync(leaving)}
      />
    </Page>
  );
}

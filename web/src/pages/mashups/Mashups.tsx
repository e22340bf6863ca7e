// Flows in Node-RED that controls can call.

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { ExternalLink, MoreHorizontal, Pencil, Trash2, Unplug, Workflow } from 'lucide-react';
import { useState } from 'react';
import { Link, useNavigate } from 'react-router';
import { statusOf } from '../../api/error';
import { deleteFlow, editorUrl, flowKeys, listMashups, type Mashup } from '../../api/node-red';
import { setNodeRedToken } from '../../api/session';
import { useMayEdit, useNodeRedToken } from '../../app/session';
import { Button, buttonClass, IconButton } from '../../components/Button';
import { Card } from '../../components/Card';
import { DataTable, type Column } from '../../components/DataTable';
import { later } from '../../components/later';
import { Menu, MenuItem } from '../../components/Menu';
import { Confirm } from '../../components/Modal';
import { Page } from '../../components/Page';
import { Loaded, Notice } from '../../components/States';
import { toast } from '../../components/toasts';
import { useTexts } from '../../i18n';

const Connect = later(async () => (await import('./Connect')).Connect);

export default function Mashups() {
  const { t } = useTexts();
  const token = useNodeRedToken();
  const client = useQueryClient();
  const query = useQuery({ queryKey: flowKeys.all, queryFn: listMashups, enabled: token !== null });
  const connected = token !== null && statusOf(query.error) !== 401;
  const disconnect = () => {
    setNodeRedToken(undefined);
    client.removeQueries({ queryKey: flowKeys.all });
  };
  return (
    <Page
      title={t('nav.mashups')}
      description={t('mashups.text')}
      actions={
        <>
          {connected && (
            <Button look="ghost" icon={Unplug} onClick={disconnect}>
              {t('nodeRed.disconnect')}
            </Button>
          )}
          <a href={editorUrl()} target="_blank" rel="noreferrer" className={buttonClass('secondary')}>
            <ExternalLink className="size-4" aria-hidden />
            {t('mashups.open')}
          </a>
        </>
      }
    >
      {connected ? (
        <Card className="pt-4">
          <Loaded query={query} isEmpty={() => false} service={t('service.nodeRed')}>
            {(mashups) => <Table mashups={mashups} />}
          </Loaded>
        </Card>
      ) : (
        <Connect />
      )}
    </Page>
  );
}

function Table({ mashups }: { mashups: Mashup[] }) {
  const { t } = useTexts();
  const mayEdit = useMayEdit();
  const client = useQueryClient();
  const navigate = useNavigate();
  const [leaving, setLeaving] = useState<Mashup>();
  const nameOf = (row: Mashup) => row.label || t('mashups.untitled');
  const remove = useMutation({
    mutationFn: (row: Mashup) => deleteFlow(row.id),
    onSuccess: () => {
      toast(t('mashups.deleted'));
      return client.invalidateQueries({ queryKey: flowKeys.all });
    },
  });
  const columns: Column<Mashup>[] = [
    {
      id: 'name',
      header: t('mashups.name'),
      text: nameOf,
      cell: (row) => (mayEdit ? <Link to={`/app/editor/${row.id}`} className="font-medium hover:text-accent-text hover:underline">{nameOf(row)}</Link> : <span className="font-medium">{nameOf(row)}</span>),
    },
    { id: 'description', header: t('field.description'), from: 'sm', text: (row) => row.info, cell: (row) => <span className="line-clamp-2 text-muted">{row.info || t('field.noDescription')}</span> },
    { id: 'endpoint', header: t('mashups.endpoint'), text: (row) => row.url, cell: (row) => <code className="text-xs">{row.url}</code> },
    { id: 'id', header: t('controls.mashupId'), hidden: true, text: (row) => row.id, cell: (row) => <code className="text-xs">{row.id}</code> },
    { id: 'nodes', header: t('mashups.pipes'), hidden: true, align: 'end', text: (row) => row.nodes, cell: (row) => row.nodes },
  ];
  return (
    <>
      <DataTable
        name={t('nav.mashups')}
        rows={mashups}
        columns={columns}
        rowKey={(row) => row.id}
        rowName={nameOf}
        empty={<Notice icon={Workflow} title={t('mashups.empty')} text={t('mashups.emptyText')} />}
        actions={
          mayEdit
            ? (row) => (
                <Menu trigger={<IconButton icon={MoreHorizontal} label={t('table.actionsFor', { name: nameOf(row) })} />}>
                  <MenuItem icon={Pencil} onSelect={() => void navigate(`/app/editor/${row.id}`)}>
                    {t('mashups.edit')}
                  </MenuItem>
                  <MenuItem icon={Trash2} danger onSelect={() => setLeaving(row)}>
                    {t('action.delete')}
                  </MenuItem>
                </Menu>
              )
            : undefined
        }
      />
      <Confirm
        open={leaving !== undefined}
        onClose={() => setLeaving(undefined)}
        title={t('mashups.deleteTitle')}
        text={leaving ? t('mashups.deleteText', { name: nameOf(leaving) }) : ''}
        action={t('action.delete')}
        onConfirm={async () => leaving && remove.mutateAsync(leaving)}
      />
    </>
  );
}

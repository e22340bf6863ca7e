// Folders and dashboards: tree, filters, selection and what can be done with it.

import { useMutation, useQueryClient } from '@tanstack/react-query';
import { ChevronDown, ChevronRight, Folder, FolderPlus, LayoutDashboard, Plus, Search, Trash2 } from 'lucide-react';
import { useState, type ReactNode } from 'react';
import { Link } from 'react-router';
import { deleteDashboard, deleteFolder, grafanaKeys, type Found } from '../../api/grafana';
import { useMayEdit } from '../../app/session';
import { Badge } from '../../components/Badge';
import { Button, IconButton } from '../../components/Button';
import { later } from '../../components/later';
import { Confirm } from '../../components/Modal';
import { Notice } from '../../components/States';
import { toast } from '../../components/toasts';
import { useTexts } from '../../i18n';
import { pruned, roots, size, type Branch, type Kind } from './tree';

const FolderForm = later(async () => (await import('./forms')).FolderForm);
const DashboardForm = later(async () => (await import('./forms')).DashboardForm);

interface Props {
  branches: Branch[];
  folders: Found[];
  /** New things go in here. */
  parentUid?: string;
  empty: ReactNode;
}

export function DashboardTree({ branches, folders, parentUid = '', empty }: Props) {
  const { t } = useTexts();
  const mayEdit = useMayEdit();
  const client = useQueryClient();
  const [text, setText] = useState('');
  const [kind, setKind] = useState<Kind>('all');
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [closed, setClosed] = useState<ReadonlySet<string>>(new Set());
  const [making, setMaking] = useState<'folder' | 'dashboard'>();
  const [leaving, setLeaving] = useState<Found[]>([]);
  const shown = pruned(branches, text, kind);
  const flip = (set: ReadonlySet<string>, uid: string) => {
    const next = new Set(set);
    if (!next.delete(uid)) next.add(uid);
    return next;
  };
  const remove = useMutation({
    mutationFn: async (items: Found[]) => {
      for (const item of items) await (item.type === 'dash-folder' ? deleteFolder(item.uid) : deleteDashboard(item.uid));
      return items.length;
    },
    onSuccess: (n) => toast(t('dashboards.deleted', { n })),
    onSettled: () => {
      setSelected(new Set());
      return client.invalidateQueries({ queryKey: grafanaKeys.search });
    },
  });
  return (
    <>
      <div className="flex flex-wrap items-center gap-2 px-4 pb-3 sm:px-5">
        <label className="relative min-w-40 flex-1 sm:max-w-xs">
          <span className="sr-only">{t('dashboards.filter')}</span>
          <Search className="pointer-events-none absolute top-1/2 left-3 size-4 -translate-y-1/2 text-muted" aria-hidden />
          <input type="search" value={text} onChange={(event) => setText(event.target.value)} placeholder={t('dashboards.filter')} className="h-9 w-full rounded-lg border border-line bg-surface pr-3 pl-9 text-sm placeholder:text-muted" />
        </label>
        <select aria-label={t('dashboards.kind')} value={kind} onChange={(event) => setKind(event.target.value as Kind)} className="h-9 rounded-lg border border-line bg-surface px-2 text-sm">
          <option value="all">{t('dashboards.all')}</option>
          <option value="dash-db">{t('dashboards.onlyDashboards')}</option>
          <option value="dash-folder">{t('dashboards.onlyFolders')}</option>
        </select>
        {mayEdit && (
          <div className="ml-auto flex flex-wrap gap-2">
            {selected.size > 0 && (
              <Button size="sm" className="h-9" look="danger" icon={Trash2} onClick={() => setLeaving(roots(branches, selected))}>
                {t('action.deleteSome', { n: selected.size })}
              </Button>
            )}
            <Button size="sm" className="h-9" icon={FolderPlus} onClick={() => setMaking('folder')}>
              {t('dashboards.newFolder')}
            </Button>
            <Button size="sm" className="h-9" look="primary" icon={Plus} onClick={() => setMaking('dashboard')}>
              {t('dashboards.new')}
            </Button>
          </div>
        )}
      </div>
      <div className="border-t border-line">
        {branches.length === 0 ? (
          empty
        ) : shown.length === 0 ? (
          <Notice icon={Search} title={t('dashboards.noMatch')} />
        ) : (
          <List branches={shown} level={0} mayEdit={mayEdit} selected={selected} onSelect={(uid) => setSelected(flip(selected, uid))} closed={closed} onFold={(uid) => setClosed(flip(closed, uid))} />
        )}
      </div>
      {making === 'folder' && <FolderForm folders={folders} parentUid={parentUid} onClose={() => setMaking(undefined)} />}
      {making === 'dashboard' && <DashboardForm folders={folders} folderUid={parentUid} onClose={() => setMaking(undefined)} />}
      <Confirm
        open={leaving.length > 0}
        onClose={() => setLeaving([])}
        title={t('dashboards.deleteTitle')}
        text={t('dashboards.deleteText', { name: leaving.map((item) => item.title).join(', ') })}
        action={t('action.delete')}
        onConfirm={() => remove.mutateAsync(leaving)}
      />
    </>
  );
}

interface ListProps {
  branches: Branch[];
  level: number;
  mayEdit: boolean;
  selected: ReadonlySet<string>;
  onSelect: (uid: string) => void;
  closed: ReadonlySet<string>;
  onFold: (uid: string) => void;
}

function List(props: ListProps) {
  const { t } = useTexts();
  const { branches, level, mayEdit, selected, onSelect, closed, onFold } = props;
  return (
    <ul>
      {branches.map(({ item, children }) => {
        const isFolder = item.type === 'dash-folder';
        const open = !closed.has(item.uid);
        const Icon = isFolder ? Folder : LayoutDashboard;
        return (
          <li key={item.uid}>
            <div className="flex min-h-12 items-center gap-2.5 border-b border-line pr-4 hover:bg-bg" style={{ paddingLeft: `${1 + level * 1.5}rem` }}>
              {mayEdit && <input type="checkbox" className="size-4 accent-accent" checked={selected.has(item.uid)} onChange={() => onSelect(item.uid)} aria-label={t('table.select', { name: item.title })} />}
              {children.length > 0 ? (
                <IconButton icon={open ? ChevronDown : ChevronRight} aria-expanded={open} label={t(open ? 'dashboards.collapse' : 'dashboards.expand', { name: item.title })} onClick={() => onFold(item.uid)} size="tiny" />
              ) : (
                <span className="w-7" />
              )}
              <Icon className={`size-4 shrink-0 ${isFolder ? 'text-warn' : 'text-muted'}`} aria-hidden />
              <Link to={isFolder ? `/app/dashboards/folders/${item.uid}` : `/app/dashboards/${item.uid}`} className="min-w-0 flex-1 truncate text-sm font-medium hover:text-accent-text hover:underline">
                {item.title}
              </Link>
              {isFolder && <span className="text-xs whitespace-nowrap text-muted">{t('dashboards.items', { n: size(children) })}</span>}
              <span className="hidden gap-1 sm:flex">
                {(item.tags ?? []).map((tag) => (
                  <Badge key={tag}>{tag}</Badge>
                ))}
              </span>
            </div>
            {open && children.length > 0 && <List {...props} branches={children} level={level + 1} />}
          </li>
        );
      })}
    </ul>
  );
}

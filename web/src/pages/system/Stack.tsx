// The services of the stack, for administrators.

import { EllipsisVertical, Info, Server } from 'lucide-react';
import { useState } from 'react';
import type { SystemService } from '../../api/schema';
import { Badge } from '../../components/Badge';
import { IconButton } from '../../components/Button';
import { Section } from '../../components/Card';
import { DataTable, type Column } from '../../components/DataTable';
import { later } from '../../components/later';
import { Menu, MenuItem } from '../../components/Menu';
import { Loaded, Notice } from '../../components/States';
import { addMessages, useTexts } from '../../i18n';
import { stack as texts } from '../../i18n/messages/stack';
import { ACTION_ICONS, useActions } from './Actions';
import { useMemory, useStateText } from './texts';
import { useStack } from './useStack';
import { actionsFor, isSettled, tone } from './view';

addMessages(texts);

const ServiceDetails = later(async () => (await import('./ServiceDetails')).ServiceDetails);

export function Stack() {
  const { t, ago, number } = useTexts();
  const { query, live } = useStack();
  const { ask, question } = useActions();
  const [open, setOpen] = useState<string>();
  const memory = useMemory();
  const stateText = useStateText();
  const columns: Column<SystemService>[] = [
    {
      id: 'name',
      header: t('stack.service'),
      text: (row) => row.name,
      cell: (row) => (
        <div className="min-w-0">
          <button type="button" className="font-medium break-all text-accent-text hover:underline" onClick={() => setOpen(row.name)}>
            {row.name}
          </button>
          {row.description && <p className="text-xs text-muted max-sm:hidden">{row.description}</p>}
        </div>
      ),
    },
    {
      id: 'state',
      header: t('stack.state'),
      text: (row) => stateText(row),
      cell: (row) => (
        <div className="min-w-0 max-w-80">
          <Badge tone={tone(row)}>{stateText(row)}</Badge>
          {row.reason && <p className="mt-1 line-clamp-2 text-xs break-words text-muted max-sm:hidden" title={row.reason}>{row.reason}</p>}
        </div>
      ),
    },
    { id: 'since', header: t('stack.since'), from: 'md', text: (row) => row.since, cell: (row) => <span className="whitespace-nowrap">{ago(row.since)}</span> },
    { id: 'restarts', header: t('stack.restarts'), from: 'md', align: 'end', text: (row) => row.restarts, cell: (row) => number(row.restarts, 0) },
    { id: 'memory', header: t('stack.memory'), from: 'sm', align: 'end', text: (row) => row.memoryBytes ?? 0, cell: (row) => <span className="whitespace-nowrap">{memory(row.memoryBytes)}</span> },
    { id: 'cpu', header: t('stack.cpu'), from: 'lg', align: 'end', text: (row) => row.cpuPercent ?? 0, cell: (row) => (row.cpuPercent == null ? '–' : `${number(row.cpuPercent)} %`) },
  ];
  const services = query.data?.services ?? [];
  const settled = services.filter(isSettled).length;
  return (
    <Section
      title={t('stack.title')}
      description={query.data ? t('stack.settled', { n: settled, of: services.length }) : t('stack.text')}
      actions={query.data && <Badge tone={live ? 'good' : 'warn'}>{t(live ? 'stack.live' : 'stack.notLive')}</Badge>}
      flush
      className="mt-5"
    >
      <Loaded query={query} rows={8}>
        {(stack) => (
          <>
            {stack.shuttingDown && <p role="status" className="px-4 pb-3 text-sm font-medium text-warn sm:px-5">{t('stack.shuttingDown')}</p>}
            <DataTable
              name={t('stack.title')}
              rows={stack.services}
              columns={columns}
              rowKey={(row) => row.name}
              rowName={(row) => row.name}
              empty={<Notice icon={Server} title={t('table.none')} />}
              actions={(row) => (
                <Menu trigger={<IconButton icon={EllipsisVertical} label={t('stack.actions', { name: row.name })} />}>
                  <MenuItem icon={Info} onSelect={() => setOpen(row.name)}>
                    {t('stack.details')}
                  </MenuItem>
                  {actionsFor(row).map((action) => (
                    <MenuItem key={action} icon={ACTION_ICONS[action]} danger={action === 'stop'} onSelect={() => ask(row, action)}>
                      {t(`act.${action}`)}
                    </MenuItem>
                  ))}
                </Menu>
              )}
            />
            {stack.warnings.length > 0 && (
              <ul className="space-y-1 border-t border-line px-4 py-3 text-xs text-muted sm:px-5">
                {stack.warnings.map((warning) => (
                  <li key={warning}>{warning}</li>
                ))}
              </ul>
            )}
          </>
        )}
      </Loaded>
      {open !== undefined && <ServiceDetails name={open} onClose={() => setOpen(undefined)} onAct={ask} />}
      {question}
    </Section>
  );
}

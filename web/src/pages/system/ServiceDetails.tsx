// One service of the stack: why it is where it is, what happened, its log.

import { useQuery } from '@tanstack/react-query';
import { Tabs } from 'radix-ui';
import type { ReactNode } from 'react';
import type { SystemEvent, SystemService, SystemServiceDetails } from '../../api/schema';
import { systemKeys, systemService, type Action } from '../../api/system';
import { Badge } from '../../components/Badge';
import { Button } from '../../components/Button';
import { Facts } from '../../components/Card';
import { Drawer } from '../../components/Drawer';
import { Loaded, Notice } from '../../components/States';
import { TAB, TAB_LIST } from '../../components/tabs';
import { useTexts } from '../../i18n';
import { ACTION_ICONS } from './Actions';
import { LiveLog } from './LiveLog';
import { useMemory, useStateText } from './texts';
import { actionsFor, tone } from './view';

interface Props {
  name: string;
  onClose: () => void;
  onAct: (service: SystemService, action: Action) => void;
}

const PANEL = 'min-h-0 flex-1 overflow-y-auto pb-6';

export function ServiceDetails({ name, onClose, onAct }: Props) {
  const { t } = useTexts();
  const stateText = useStateText();
  const query = useQuery({ queryKey: systemKeys.service(name), queryFn: () => systemService(name) });
  const service = query.data?.service;
  return (
    <Drawer
      onClose={onClose}
      title={name}
      badge={service && <Badge tone={tone(service)}>{stateText(service)}</Badge>}
      description={service?.description}
      actions={
        service &&
        actionsFor(service).map((action) => (
          <Button key={action} size="sm" icon={ACTION_ICONS[action]} look={action === 'stop' ? 'danger' : 'secondary'} onClick={() => onAct(service, action)}>
            {t(`act.${action}`)}
          </Button>
        ))
      }
    >
      <Tabs.Root defaultValue="about" className="flex min-h-0 flex-1 flex-col">
        <Tabs.List className={TAB_LIST} aria-label={name}>
          <Tabs.Trigger className={TAB} value="about">
            {t('stack.about')}
          </Tabs.Trigger>
          <Tabs.Trigger className={TAB} value="events">
            {t('stack.events')}
          </Tabs.Trigger>
          <Tabs.Trigger className={TAB} value="log">
            {t('stack.log')}
          </Tabs.Trigger>
        </Tabs.List>
        <Tabs.Content value="about" className={PANEL}>
          <Loaded query={query}>{(details) => <About details={details} at={query.dataUpdatedAt} />}</Loaded>
        </Tabs.Content>
        <Tabs.Content value="events" className={PANEL}>
          <Loaded query={query}>{({ events }) => <Events events={events} />}</Loaded>
        </Tabs.Content>
        <Tabs.Content value="log" className="flex min-h-0 flex-1 flex-col pb-4 sm:pb-6">
          <LiveLog name={name} />
        </Tabs.Content>
      </Tabs.Root>
    </Drawer>
  );
}

function About({ details: { service, why }, at }: { details: SystemServiceDetails; at: number }) {
  const { t, time, ago, number } = useTexts();
  const memory = useMemory();
  const places: [string, string][] = [...Object.entries(service.addresses), ...Object.entries(service.ports)];
  const addresses = places.filter(([, place], at) => places.findIndex(([, other]) => other === place) === at);
  const facts: [ReactNode, ReactNode][] = [
    [t('stack.since'), <Moment at={service.since} />],
    ...(service.startedAt ? [[t('stack.started'), <Moment at={service.startedAt} />] as [ReactNode, ReactNode]] : []),
    ...(service.nextStartAt ? [[t('stack.nextStart'), ago(service.nextStartAt)] as [ReactNode, ReactNode]] : []),
    [t('stack.restarts'), number(service.restarts, 0)],
    [t('stack.lastExit'), service.lastExit ?? '–'],
    [t('stack.pid'), service.pid ?? '–'],
    [t('stack.memory'), memory(service.memoryBytes)],
    [t('stack.cpu'), service.cpuPercent == null ? '–' : `${number(service.cpuPercent)} %`],
    [t('stack.required'), t(service.required ? 'answer.yes' : 'answer.no')],
    ...(service.limits ? [[t('stack.limits'), service.limits] as [ReactNode, ReactNode]] : []),
    ...(service.alternative ? [[t('stack.alternative'), service.alternative] as [ReactNode, ReactNode]] : []),
  ];
  return (
    <div className="space-y-6">
      <section>
        <h3 className="text-sm font-semibold">{t('stack.why')}</h3>
        <ol className="mt-2 space-y-2 border-l-2 border-line pl-3 text-sm">
          {why.map((sentence) => (
            <li key={sentence} className="break-words">
              {sentence}
            </li>
          ))}
        </ol>
      </section>
      <Facts columns="grid-cols-2 sm:grid-cols-3" items={facts} />
      {addresses.length > 0 && (
        <Facts columns="grid-cols-1" items={addresses.map(([label, place]) => [label, <code className="text-xs break-all">{place}</code>])} />
      )}
      {service.waitsFor.length > 0 && (
        <section>
          <h3 className="text-sm font-semibold">{t('stack.waitsFor')}</h3>
          <ul className="mt-2 flex flex-wrap gap-1.5">
            {service.waitsFor.map((on) => (
              <li key={on.service}>
                <Badge tone={on.missing ? 'warn' : 'neutral'}>
                  {on.service}: {on.condition}
                  {!on.required && ` (${t('stack.optional')})`}
                </Badge>
              </li>
            ))}
          </ul>
        </section>
      )}
      <p className="text-xs text-muted">{t('stack.asOf', { time: time(at) })}</p>
    </div>
  );
}

function Moment({ at }: { at: string }) {
  const { time, ago } = useTexts();
  return <span title={time(at)}>{ago(at)}</span>;
}

function Events({ events }: { events: SystemEvent[] }) {
  const { t, time } = useTexts();
  if (events.length === 0) return <Notice title={t('stack.noEvents')} />;
  return (
    <ol className="divide-y divide-line text-sm">
      {[...events].reverse().map((event) => (
        <li key={event.sequence} className="py-2.5">
          <p className="break-words">{event.message}</p>
          <p className="mt-0.5 text-xs text-muted">
            {time(event.time)}
            {event.cause && ` · ${t('stack.because', { cause: event.cause })}`}
          </p>
        </li>
      ))}
    </ol>
  );
}

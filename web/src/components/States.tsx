// What a page shows while it has nothing else to show: loading, empty, failed, cut off.

import type { UseQueryResult } from '@tanstack/react-query';
import { CloudOff, Inbox, RotateCcw, TriangleAlert, type LucideIcon } from 'lucide-react';
import type { ReactNode } from 'react';
import { ApiError, isOffline, statusOf } from '../api/error';
import { useTexts } from '../i18n';
import { Button } from './Button';
import { errorText } from './error-text';

export function Loading({ rows = 4 }: { rows?: number }) {
  const { t } = useTexts();
  return (
    <div role="status" aria-live="polite" className="space-y-3 p-4 sm:p-5">
      <span className="sr-only">{t('state.loading')}</span>
      {Array.from({ length: rows }, (_, row) => (
        <div key={row} className="h-5 animate-pulse rounded bg-raised" style={{ width: `${92 - ((row * 17) % 40)}%` }} />
      ))}
    </div>
  );
}

interface NoticeProps {
  icon?: LucideIcon;
  title: string;
  text?: ReactNode;
  action?: ReactNode;
  role?: 'alert' | 'status';
}

export function Notice({ icon: Icon = Inbox, title, text, action, role }: NoticeProps) {
  return (
    <div role={role} className="flex flex-col items-center px-6 py-10 text-center">
      <span className="mb-3 grid size-11 place-items-center rounded-full bg-raised text-muted">
        <Icon className="size-5" aria-hidden />
      </span>
      <p className="font-medium">{title}</p>
      {text && <p className="mt-1 max-w-md text-sm text-muted">{text}</p>}
      {action && <div className="mt-4 flex flex-wrap justify-center gap-2">{action}</div>}
    </div>
  );
}

export function Failed({ error, retry, service }: { error: unknown; retry?: () => void; service?: string }) {
  const texts = useTexts();
  const { t } = texts;
  const offline = isOffline(error);
  const requestId = error instanceof ApiError ? error.requestId : null;
  const said = errorText(texts, error);
  // The API tells with a 5xx that a service behind it is away.
  const behind = service !== undefined && statusOf(error) >= 500;
  const title =
    offline && !navigator.onLine
      ? t('state.offline')
      : offline || behind
        ? t('state.unreachable', { service: service ?? t('service.backend') })
        : t('state.failed');
  return (
    <Notice
      role="alert"
      icon={offline || behind ? CloudOff : TriangleAlert}
      title={title}
      text={
        <>
          {offline && !navigator.onLine ? t('state.offlineHint') : offline || behind ? t('state.awayHint') : said}
          {behind && <span className="mt-1 block text-xs">{said}</span>}
          {requestId && !offline && <span className="mt-1 block text-xs">{t('state.request', { id: requestId })}</span>}
        </>
      }
      action={
        retry && (
          <Button icon={RotateCcw} onClick={retry}>
            {t('action.retry')}
          </Button>
        )
      }
    />
  );
}

interface LoadedProps<T> {
  query: UseQueryResult<T>;
  children: (data: T) => ReactNode;
  /** Shown when `isEmpty`. */
  empty?: ReactNode;
  isEmpty?: (data: T) => boolean;
  rows?: number;
  service?: string;
}

/** One of the four states of a question. Data that is there stays when asking again fails. */
export function Loaded<T>({ query, children, empty, isEmpty, rows, service }: LoadedProps<T>) {
  if (query.data !== undefined) {
    const bare = isEmpty ? isEmpty(query.data) : Array.isArray(query.data) && query.data.length === 0;
    return <>{bare && empty ? empty : children(query.data)}</>;
  }
  if (query.isError) return <Failed error={query.error} retry={() => void query.refetch()} service={service} />;
  return <Loading rows={rows} />;
}

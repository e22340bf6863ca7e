// Small labels: states, scopes, results.

import { CircleCheck, CircleHelp, CircleX } from 'lucide-react';
import type { ReactNode } from 'react';
import { useTexts } from '../i18n';

export type Tone = 'neutral' | 'good' | 'bad' | 'warn' | 'info' | 'accent';

const TONES: Record<Tone, string> = {
  neutral: 'bg-raised text-muted',
  good: 'bg-good-soft text-good',
  bad: 'bg-bad-soft text-bad',
  warn: 'bg-warn-soft text-warn',
  info: 'bg-info-soft text-info',
  accent: 'bg-accent-soft text-accent-text',
};

export function Badge({ tone = 'neutral', children, title }: { tone?: Tone; children: ReactNode; title?: string }) {
  return (
    <span
      title={title}
      className={`inline-flex max-w-full items-center gap-1 rounded-md px-2 py-0.5 text-xs font-medium ${TONES[tone]}`}
    >
      {children}
    </span>
  );
}

/** Good, bad or not known: told by shape and word, not by colour alone. Where words have no room, for readers alone: always, or on a phone. */
export function Result({ value, wordless }: { value: boolean | null | undefined; wordless?: boolean | 'phone' }) {
  const { t } = useTexts();
  const [Icon, tone, text] =
    value === true
      ? ([CircleCheck, 'text-good', t('result.met')] as const)
      : value === false
        ? ([CircleX, 'text-bad', t('result.failed')] as const)
        : ([CircleHelp, 'text-muted', t('result.none')] as const);
  return (
    <span className={`inline-flex items-center gap-1.5 text-sm font-medium whitespace-nowrap ${tone}`}>
      <Icon className="size-4 shrink-0" aria-hidden />
      <span className={wordless === 'phone' ? 'max-sm:sr-only' : wordless ? 'sr-only' : ''}>{text}</span>
    </span>
  );
}

export function ScopeBadges({ scope }: { scope: Record<string, unknown> | null | undefined }) {
  const entries = Object.entries(scope ?? {});
  if (entries.length === 0) return <span className="text-muted">–</span>;
  return (
    <span className="flex flex-wrap gap-1">
      {entries.map(([name, value]) => (
        <Badge key={name}>
          <span className="truncate">
            {name}: <span className="text-ink">{String(value)}</span>
          </span>
        </Badge>
      ))}
    </span>
  );
}

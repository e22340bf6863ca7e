// Chooses a span of time: all, the last days, or from day to day.

import { useId } from 'react';
import { useTexts } from '../i18n';
import { shifted, today } from '../forms/dates';

export interface Range {
  /** `yyyy-MM-dd`; empty: no limit. */
  from: string;
  to: string;
}

export const EVERYTHING: Range = { from: '', to: '' };
const PRESETS = [30, 90, 365];

export function within(time: string, { from, to }: Range): boolean {
  const day = time.slice(0, 10);
  return (!from || day >= from) && (!to || day <= to);
}

export function RangeBar({ range, onChange }: { range: Range; onChange: (range: Range) => void }) {
  const { t } = useTexts();
  const id = useId();
  const chip = (active: boolean) =>
    `h-9 rounded-lg border px-3 text-[0.8125rem] font-medium ${active ? 'border-accent bg-accent-soft text-accent-text' : 'border-line bg-surface text-muted hover:text-ink'}`;
  const date = 'h-9 rounded-lg border border-line bg-surface px-2 text-[0.8125rem]';
  const isLast = (days: number) => range.from === shifted(today(), -days) && range.to === '';
  return (
    <div role="group" aria-label={t('points.range')} className="flex flex-wrap items-center gap-2">
      <button type="button" aria-pressed={!range.from && !range.to} className={chip(!range.from && !range.to)} onClick={() => onChange(EVERYTHING)}>
        {t('points.all')}
      </button>
      {PRESETS.map((days) => (
        <button key={days} type="button" aria-pressed={isLast(days)} className={chip(isLast(days))} onClick={() => onChange({ from: shifted(today(), -days), to: '' })}>
          {t('points.days', { n: days })}
        </button>
      ))}
      <span className="flex items-center gap-1.5">
        <label htmlFor={`${id}-from`} className="sr-only">
          {t('field.from')}
        </label>
        <input id={`${id}-from`} type="date" className={date} value={range.from} max={range.to || undefined} onChange={(event) => onChange({ ...range, from: event.target.value })} />
        <span aria-hidden className="text-muted">
          –
        </span>
        <label htmlFor={`${id}-to`} className="sr-only">
          {t('field.to')}
        </label>
        <input id={`${id}-to`} type="date" className={date} value={range.to} min={range.from || undefined} onChange={(event) => onChange({ ...range, to: event.target.value })} />
      </span>
    </div>
  );
}

// A time cut into the parts that are calculated one after the other: each gives every guarantee one point. Pure.

import { shifted } from '../../forms/dates';

export const STEPS = ['MONTH', 'WEEK', 'DAY', 'WHOLE'] as const;
export type Step = (typeof STEPS)[number];

export interface Part {
  from: string;
  to: string;
}

/** Five years of months, two months of days: whoever wants more asks twice. */
export const MOST_PARTS = 60;

/** Days as `yyyy-MM-dd`, both included. A month ends with the calendar's, a week seven days on. */
export function parts(from: string, to: string, step: Step): Part[] {
  if (step === 'WHOLE') return [{ from, to }];
  const found: Part[] = [];
  for (let at = from; at <= to && found.length <= MOST_PARTS; ) {
    const end = step === 'MONTH' ? monthEnd(at) : shifted(at, step === 'WEEK' ? 6 : 0);
    found.push({ from: at, to: end < to ? end : to });
    at = shifted(end, 1);
  }
  return found;
}

function monthEnd(day: string): string {
  const [year = 0, month = 0] = day.split('-').map(Number);
  return new Date(Date.UTC(year, month, 0)).toISOString().slice(0, 10);
}

import { expect, it } from 'vitest';
import { MOST_PARTS, parts } from './parts';

const told = (...args: Parameters<typeof parts>) => parts(...args).map(({ from, to }) => `${from}/${to}`);

it('cuts a time into months of the calendar', () => {
  expect(told('2026-01-15', '2026-03-02', 'MONTH')).toEqual(['2026-01-15/2026-01-31', '2026-02-01/2026-02-28', '2026-03-01/2026-03-02']);
  expect(told('2024-02-01', '2024-02-29', 'MONTH')).toEqual(['2024-02-01/2024-02-29']);
});

it('cuts it into weeks and days, or not at all', () => {
  expect(told('2026-01-01', '2026-01-10', 'WEEK')).toEqual(['2026-01-01/2026-01-07', '2026-01-08/2026-01-10']);
  expect(told('2026-02-28', '2026-03-01', 'DAY')).toEqual(['2026-02-28/2026-02-28', '2026-03-01/2026-03-01']);
  expect(told('2026-01-01', '2026-12-31', 'WHOLE')).toEqual(['2026-01-01/2026-12-31']);
});

it('stops where it becomes too many', () => {
  expect(parts('1900-01-01', '2026-01-01', 'DAY')).toHaveLength(MOST_PARTS + 1);
});

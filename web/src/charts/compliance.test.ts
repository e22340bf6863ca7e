import { expect, it } from 'vitest';
import type { Computation, Point } from '../api/schema';
import { byGuarantee, current, daily, evidenceShare, failing, guaranteeOf, perDay, ratio } from './compliance';
import { domain, place, spaced, ticks } from './scale';

const point = (over: Partial<Point>): Point => ({
  id: Math.random().toString(),
  agreementId: 'tpa-1',
  guaranteeId: 'G',
  guaranteeValue: 50,
  guaranteeResult: true,
  timestamp: '2026-01-01T00:00:00.000Z',
  metrics: {},
  scope: { city: 'Seville' },
  createdAt: '2026-01-02T00:00:00.000Z',
  updatedAt: '2026-01-02T00:00:00.000Z',
  ...over,
});

const row = (over: Partial<Computation>): Computation => ({ id: 'x', createdAt: '2026-03-01T10:00:00.000Z', updatedAt: '2026-03-01T10:00:00.000Z', ...over });

it('judges by the last point of each guarantee and scope', () => {
  const points = [
    point({ guaranteeResult: false }),
    point({ timestamp: '2026-02-01T00:00:00.000Z' }),
    point({ scope: { city: 'Paris' }, guaranteeResult: false }),
    // The order of the names in a scope means nothing here.
    point({ guaranteeId: 'H', scope: { a: 1, b: 2 } }),
    point({ guaranteeId: 'H', scope: { b: 2, a: 1 }, timestamp: '2026-02-01T00:00:00.000Z', guaranteeResult: false }),
  ];
  expect(current(points)).toEqual({ met: 1, total: 3 });
  expect(failing(points).map(({ guaranteeId }) => guaranteeId)).toEqual(['G', 'H']);
  expect(ratio(current([]))).toBeUndefined();
});

it('counts days in order', () => {
  const points = [point({ timestamp: '2026-02-01T00:00:00.000Z', guaranteeResult: false }), point({}), point({ timestamp: '2026-02-01T00:00:00.000Z' })];
  expect(daily(points).map(({ value }) => value)).toEqual([100, 50]);
});

it('draws the mean of the scopes of a guarantee', () => {
  const [line] = byGuarantee([point({ guaranteeValue: 40 }), point({ guaranteeValue: 60, scope: { city: 'Paris' } })]);
  expect(line?.samples.map(({ value }) => value)).toEqual([50]);
});

it('puts computations on the day that they are about', () => {
  const rows = [row({ value: true, period: { to: '2026-01-31T00:00:00.000Z' } }), row({ value: false }), row({ value: null })];
  expect(perDay(rows)).toEqual([
    { day: '2026-01-31', met: 1, failed: 0 },
    { day: '2026-03-01', met: 0, failed: 1 },
  ]);
  expect(evidenceShare(row({ evidences: [{ result: true }, { result: 'true' }, {}] }))).toEqual({ met: 1, total: 3 });
});

it('names guarantees as the backend does', () => {
  expect(guaranteeOf('Data  privacy')).toBe('DATA_PRIVACY');
});

it('places values on a chart', () => {
  expect(ticks({ min: 0, max: 100 }, 4)).toEqual([0, 25, 50, 75, 100]);
  expect(domain([5])).toEqual({ min: 4, max: 6 });
  expect(domain([], 0, 100)).toEqual({ min: 0, max: 100 });
  expect(place(50, { min: 0, max: 100 }, 0, 200)).toBe(100);
});

it('labels as many places as have room, evenly', () => {
  expect(spaced([0, 10, 20, 30], 10)).toEqual([0, 10, 20, 30]);
  expect(spaced([0, 10, 20, 30, 40], 15)).toEqual([0, 20, 40]);
  expect(spaced([0, 1, 2, 30], 15)).toEqual([1, 30]);
  expect(spaced([5], 15)).toEqual([5]);
  expect(spaced([], 15)).toEqual([]);
});

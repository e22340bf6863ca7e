// From points and computations to the numbers that charts show. Pure.

import type { Computation, Point } from '../api/schema';

export interface Share {
  met: number;
  total: number;
}

export interface Sample {
  /** Milliseconds. */
  at: number;
  value: number;
  /** Whether it was enough, where something says so. */
  met?: boolean;
}

export const ratio = ({ met, total }: Share): number | undefined => (total === 0 ? undefined : met / total);

function seriesOf(point: Point): string {
  const scope = Object.entries(point.scope).sort(([a], [b]) => (a < b ? -1 : 1));
  return `${point.agreementId}\n${point.guaranteeId}\n${JSON.stringify(scope)}`;
}

/** Of every guarantee and scope, the last point. */
function latest(points: Point[]): Point[] {
  const found = new Map<string, Point>();
  for (const point of points) {
    const key = seriesOf(point);
    const known = found.get(key);
    if (!known || known.timestamp < point.timestamp || (known.timestamp === point.timestamp && known.createdAt < point.createdAt)) {
      found.set(key, point);
    }
  }
  return [...found.values()];
}

/** How many guarantees are met now. */
export function current(points: Point[]): Share {
  const now = latest(points);
  return { met: now.filter((point) => point.guaranteeResult).length, total: now.length };
}

/** What is not met now, the lowest value first. */
export function failing(points: Point[]): Point[] {
  return latest(points)
    .filter((point) => !point.guaranteeResult)
    .sort((a, b) => a.guaranteeValue - b.guaranteeValue);
}

export function byAgreement(points: Point[]): Map<string, Point[]> {
  const groups = new Map<string, Point[]>();
  for (const point of points) {
    const group = groups.get(point.agreementId);
    if (group) group.push(point);
    else groups.set(point.agreementId, [point]);
  }
  return groups;
}

const dayOf = (time: string) => time.slice(0, 10);

/** The share of met guarantees of each day that has points, in percent. */
export function daily(points: Point[]): Sample[] {
  const days = new Map<string, Share>();
  for (const point of points) {
    const share = days.get(dayOf(point.timestamp)) ?? { met: 0, total: 0 };
    share.total += 1;
    if (point.guaranteeResult) share.met += 1;
    days.set(dayOf(point.timestamp), share);
  }
  return [...days]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([day, share]) => ({ at: Date.parse(`${day}T00:00:00Z`), value: Math.round((100 * share.met) / share.total) }));
}

export interface Line {
  name: string;
  samples: Sample[];
}

/** A line per guarantee: its value of each time, the mean where several scopes have one. */
export function byGuarantee(points: Point[]): Line[] {
  const lines = new Map<string, Map<number, Point[]>>();
  for (const point of points) {
    const line = lines.get(point.guaranteeId) ?? new Map<number, Point[]>();
    const at = Date.parse(point.timestamp);
    line.set(at, [...(line.get(at) ?? []), point]);
    lines.set(point.guaranteeId, line);
  }
  return [...lines].map(([name, times]) => ({
    name,
    samples: [...times].sort(([a], [b]) => a - b).map(([at, same]) => ({
      at,
      value: same.reduce((sum, point) => sum + point.guaranteeValue, 0) / same.length,
      met: same.every((point) => point.guaranteeResult),
    })),
  }));
}

/** What people call a guarantee: the name of its control, where there is one. */
export function titlesOf(controls: readonly { name: string }[]): (guarantee: string) => string {
  const names = new Map(controls.map(({ name }) => [guaranteeOf(name), name]));
  return (guarantee) => names.get(guarantee) ?? guarantee;
}

/** The name that the backend gives a control's guarantee. */
export function guaranteeOf(controlName: string): string {
  return controlName.toUpperCase().replace(/\s+/g, '_');
}

export interface Bar {
  day: string;
  met: number;
  failed: number;
}

/** When a computation is about: the end of its period, or else when it was made. */
export function timeOf(row: Computation): string {
  const to = row.period?.to;
  return typeof to === 'string' && !Number.isNaN(Date.parse(to)) ? to : row.createdAt;
}

/** How many computations of each day hold and do not; those without a value are in neither. */
export function perDay(rows: Computation[]): Bar[] {
  const days = new Map<string, Bar>();
  for (const row of rows) {
    const day = dayOf(timeOf(row));
    const bar = days.get(day) ?? { day, met: 0, failed: 0 };
    if (row.value === true) bar.met += 1;
    if (row.value === false) bar.failed += 1;
    days.set(day, bar);
  }
  return [...days.values()].sort((a, b) => (a.day < b.day ? -1 : 1));
}

/** Of the evidences of a computation, how many hold. */
export function evidenceShare(row: Computation): Share {
  const evidences = row.evidences ?? [];
  return { met: evidences.filter((evidence) => evidence.result === true).length, total: evidences.length };
}

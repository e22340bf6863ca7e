// Between the parameters of a control, any JSON, and the texts that a form shows. Pure.

import type { ControlBody, Control } from '../../api/schema';
import { dayInput, dayToIso, today } from '../../forms/dates';
import { toPairs, type Pair } from '../../forms/pairs';
import { PERIODS, type ControlValues } from '../../forms/rules';

const OWN = ['endpoint', 'threshold'];

/** What was not changed keeps its type: a list of secrets stays a list. */
export function mergeParams(before: Record<string, unknown> | null | undefined, pairs: Pair[]): Record<string, unknown> {
  const known = new Map(toPairs(before).map((pair) => [pair.name, pair.value]));
  return Object.fromEntries(pairs.map(({ name, value }) => [name, before && known.get(name) === value ? before[name] : value]));
}

export function controlValues(control?: Control): ControlValues {
  const params = control?.params ?? {};
  return {
    name: control?.name ?? '',
    description: control?.description ?? '',
    period: PERIODS.find((period) => period === control?.period) ?? 'DAILY',
    startDate: control ? dayInput(control.startDate) : today(),
    endDate: dayInput(control?.endDate),
    mashupId: control?.mashupId ?? '',
    endpoint: typeof params.endpoint === 'string' ? params.endpoint : '',
    threshold: params.threshold === undefined || params.threshold === null ? '' : String(params.threshold),
    params: toPairs(params).filter(({ name }) => !OWN.includes(name)),
    scopes: [],
  };
}

export function controlBody(values: ControlValues, before?: Control): ControlBody {
  const day = (value: string, kept: string | null | undefined, side: 'start' | 'end') =>
    !value ? undefined : value === dayInput(kept) ? kept : dayToIso(value, side);
  return {
    name: values.name,
    description: values.description,
    period: values.period,
    startDate: day(values.startDate, before?.startDate, 'start'),
    endDate: day(values.endDate, before?.endDate, 'end'),
    mashupId: values.mashupId,
    params: { ...mergeParams(before?.params, values.params), endpoint: values.endpoint, threshold: Number(values.threshold) },
  };
}

// Which controls of a catalog are shown. Pure.

import type { Control, ScopeSet } from '../../api/schema';

export interface Filters {
  scope: string;
  value: string;
  startsFrom: string;
  endsBy: string;
}

export const NO_FILTERS: Filters = { scope: '', value: '', startsFrom: '', endsBy: '' };

/** All values that the sets of a control have, by scope. */
export function scopesOf(sets: ScopeSet[], controlId: number): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const set of sets) {
    if (set.controlId !== controlId) continue;
    for (const [name, value] of Object.entries(set.scopes)) {
      const values = found.get(name) ?? [];
      if (!values.includes(value)) found.set(name, [...values, value]);
    }
  }
  return found;
}

export function matches(control: Control, scopes: Map<string, string[]>, filters: Filters): boolean {
  const { scope, value, startsFrom, endsBy } = filters;
  if (scope && !scopes.has(scope)) return false;
  if (scope && value && !scopes.get(scope)?.includes(value)) return false;
  if (startsFrom && (!control.startDate || control.startDate.slice(0, 10) < startsFrom)) return false;
  return !endsBy || (!!control.endDate && control.endDate.slice(0, 10) <= endsBy);
}

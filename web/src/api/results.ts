// What was computed for a control. A flow may say for which control its rows are; it is not told, so many do not: then the
// points that were made of them say it, by the group of the computation and the name of the guarantee.

import { guaranteeOf } from '../charts/compliance';
import { getCatalog } from './catalogs';
import { listComputations, pointsOf } from './computations';
import { computationsOf } from './controls';
import type { Catalog, Computation, Control, Point } from './schema';

export async function resultsOf(control: Pick<Control, 'id' | 'name'>, catalogId: number): Promise<Computation[]> {
  const own = await computationsOf(control.id);
  const tpaId = Number.isInteger(catalogId) ? (await getCatalog(catalogId)).tpaId : undefined;
  if (!tpaId) return own;
  const points = await pointsOf(tpaId);
  const groups = new Set(points.filter((point) => point.guaranteeId === guaranteeOf(control.name)).map((point) => point.computationGroup));
  groups.delete(null);
  if (groups.size === 0) return own;
  const all = await listComputations();
  return [...own, ...all.filter((row) => !row.controlId && row.computationGroup && groups.has(row.computationGroup))];
}

/** Which control each row is of, as far as anything says it. */
export function controlsOfRows(points: Point[], catalogs: Catalog[], controls: Control[]): (row: Computation) => Control | undefined {
  const byId = new Map(controls.map((control) => [control.id, control]));
  const catalogOf = new Map(catalogs.map((catalog) => [catalog.tpaId, catalog.id]));
  const named = new Map(controls.map((control) => [`${control.catalogId} ${guaranteeOf(control.name)}`, control]));
  const byGroup = new Map<string, Control>();
  for (const { agreementId, guaranteeId, computationGroup } of points) {
    const control = named.get(`${catalogOf.get(agreementId)} ${guaranteeId}`);
    if (control && computationGroup) byGroup.set(computationGroup, control);
  }
  return (row) => (row.controlId ? byId.get(row.controlId) : byGroup.get(row.computationGroup ?? ''));
}

// Catalogs, their drafts and their points.

import { del, get, patch, post } from './backend';
import type { Catalog, CatalogBody, CatalogPatch, Control, FinalizedCatalog, Point } from './schema';

export const catalogKeys = {
  all: ['catalogs'] as const,
  one: (id: number) => ['catalogs', id] as const,
  controls: (id: number) => ['catalogs', id, 'controls'] as const,
  points: (tpaId: string) => ['points', tpaId] as const,
};

export const listCatalogs = () => get<Catalog[]>('/catalogs');
export const getCatalog = (id: number) => get<Catalog>(`/catalogs/${id}`);
export const createDraft = (body: CatalogBody) => post<Catalog>('/catalogs/drafts', body);
export const updateCatalog = (id: number, body: CatalogPatch) => patch<Catalog>(`/catalogs/${id}`, body);
export const deleteCatalog = (id: number) => del(`/catalogs/${id}`);
export const finalizeCatalog = (id: number) => patch<FinalizedCatalog>(`/catalogs/${id}/finalize`);
export const controlsOf = (id: number) => get<Control[]>(`/catalogs/${id}/controls`);

/** Asks the flows of all controls: may take minutes. Dates are `yyyy-MM-dd`. */
export const computePoints = (tpaId: string, from: string, to: string) =>
  get<Point[]>(`/catalogs/${encodeURIComponent(tpaId)}/points`, { query: { from, to } });

// Computations and points of the whole platform.

import { get } from './backend';
import type { Computation, Point } from './schema';

export const computationKeys = { all: ['computations'] as const };
export const pointKeys = { all: ['points'] as const };

export const listComputations = () => get<Computation[]>('/computations');
export const listPoints = () => get<Point[]>('/points');
export const pointsOf = (tpaId: string) => get<Point[]>(`/points/catalog/${encodeURIComponent(tpaId)}`);

/** An evidence as flows write it; everything but `result` is theirs. */
export interface Evidence {
  id?: string | number;
  key?: string;
  value?: unknown;
  result?: boolean;
  from?: string;
  to?: string;
  [other: string]: unknown;
}

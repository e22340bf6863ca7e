// Controls and what was computed for them.

import { del, get, patch, post } from './backend';
import type { Computation, Control, ControlBody, CreatedControl } from './schema';

export const controlKeys = {
  all: ['controls'] as const,
  one: (id: number) => ['controls', id] as const,
  computations: (id: number) => ['controls', id, 'computations'] as const,
};

export const listControls = () => get<Control[]>('/controls');
export const getControl = (id: number) => get<Control>(`/controls/${id}`);
export const createControl = (body: ControlBody) => post<CreatedControl>('/controls', body);
export const createDraftControl = (body: ControlBody) => post<Control>('/controls/drafts', body);
export const updateControl = (id: number, body: ControlBody) => patch<Control>(`/controls/${id}`, body);
export const deleteControl = (id: number) => del(`/controls/${id}`);
export const computationsOf = (id: number) => get<Computation[]>(`/controls/${id}/computations`);
export const deleteComputationsOf = (id: number) => del(`/controls/${id}/computations`);

// Scopes and scope sets.

import { del, get, post, put } from './backend';
import type { Scope, ScopeBody, ScopeSet } from './schema';

export const scopeKeys = {
  all: ['scopes'] as const,
  sets: ['scope-sets'] as const,
};

export const listScopes = () => get<Scope[]>('/scopes');
export const createScope = (body: ScopeBody) => post<Scope>('/scopes', body);
export const updateScope = (id: string, body: ScopeBody) => put<Scope>(`/scopes/${id}`, body);
export const deleteScope = (id: string) => del(`/scopes/${id}`);

export const listScopeSets = () => get<ScopeSet[]>('/scopes/sets');
export const setsOfControl = (id: number) => get<ScopeSet[]>(`/scopes/sets/control/${id}`);
export const createScopeSet = (controlId: number, scopes: Record<string, string>) =>
  post<ScopeSet>('/scopes/sets', { controlId, scopes });
export const updateScopeSet = (id: string, scopes: Record<string, string>) =>
  put<ScopeSet>(`/scopes/sets/${id}`, { scopes });

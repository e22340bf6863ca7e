// Secrets of the signed-in user.

import { del, get, patch, post } from './backend';
import type { Secret, SecretBody, SecretChange } from './schema';

export const secretKeys = { all: ['secrets'] as const };
export const SECRET_TYPES = ['API_KEY', 'TOKEN', 'PASSWORD', 'OTHER'] as const;

export const listSecrets = () => get<Secret[]>('/secrets');
export const createSecret = (body: SecretBody) => post<Secret>('/secrets', body);
export const updateSecret = (id: number, body: SecretChange) => patch<Secret>(`/secrets/${id}`, body);
export const deleteSecret = (id: number) => del(`/secrets/${id}`);

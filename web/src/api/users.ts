// Signing in, the second factor, accounts.

import { del, get, post } from './backend';
import type { SecondFactorStatus, Setup, SignedIn, SignUpBody, User } from './schema';

export const userKeys = {
  all: ['users'] as const,
  me: ['users', 'me'] as const,
  secondFactor: ['users', 'second-factor'] as const,
};

export const signIn = (username: string, password: string, totpToken?: string) =>
  post<SignedIn>('/users/signIn', { username, password, ...(totpToken ? { totpToken } : {}) });
export const whoami = () => get<User>('/users/whoami');
export const listUsers = () => get<User[]>('/users');
export const createUser = (body: SignUpBody) => post<{ message: string }>('/users/signUp', body);
export const deleteUser = (id: number) => del(`/users/${id}`);

export const secondFactor = () => get<SecondFactorStatus>('/users/2fa/status');
export const setUpSecondFactor = () => post<Setup>('/users/2fa/setup');
export const verifySecondFactor = (totpToken: string) => post<{ message: string }>('/users/2fa/verify', { totpToken });
export const disableSecondFactor = (password: string, totpToken: string) =>
  post<{ message: string }>('/users/2fa/disable', { password, totpToken });

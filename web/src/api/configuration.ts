// Which parts of the API are switched on, and how many assistants there may be. Administrators only.

import { get, put } from './backend';
import type { AssistantLimit, Configuration } from './schema';

export const configurationKeys = { all: ['config'] as const, limit: ['config', 'assistant-limit'] as const };

export const listConfiguration = () => get<Configuration[]>('/config');
export const switchEndpoint = (endpoint: string, available: boolean) =>
  put<{ message: string }>('/config', { endpoint, available });
export const assistantLimit = () => get<AssistantLimit>('/config/assistant/limit');
export const setAssistantLimit = (limit: number) => put<{ message: string }>(`/config/assistant/limit/${limit}`);

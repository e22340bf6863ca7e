// An error in the reader's words: who does not answer, or what the server said.

import { ApiError } from '../api/error';
import type { Texts } from '../i18n';

export function errorText({ t, server }: Pick<Texts, 't' | 'server'>, error: unknown): string {
  if (!(error instanceof ApiError)) return error instanceof Error ? error.message : String(error);
  if (error.trouble === 'timeout') return t('state.late');
  if (error.trouble === 'network') return navigator.onLine ? t('state.unreachable', { service: t('service.backend') }) : t('state.offline');
  return server(error.message);
}

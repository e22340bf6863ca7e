// How questions to the servers are kept and repeated.

import { QueryClient } from '@tanstack/react-query';
import { ApiError } from '../api/error';

/** Data younger than this is shown without asking again. */
const FRESH_MS = 15_000;

export function newQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: FRESH_MS,
        // Asked also without a network: the answer says what is wrong, a paused question would not.
        networkMode: 'always',
        retry: (failures, error) => failures < 1 && error instanceof ApiError && (error.trouble === 'network' || error.status === 503),
        retryDelay: 700,
      },
      mutations: { networkMode: 'always' },
    },
  });
}

// The stack as it is now: read anew whenever something happens in it.

import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { followStack, systemKeys, systemStack } from '../../api/system';

/** What services use changes without anything happening. */
const USED_EVERY_MS = 15_000;
/** Things happen in bursts; the state is read once for all of them. */
const GATHER_MS = 300;

export function useStack() {
  const client = useQueryClient();
  const [live, setLive] = useState(false);
  const query = useQuery({ queryKey: systemKeys.stack, queryFn: systemStack, refetchInterval: USED_EVERY_MS });
  useEffect(() => {
    let due: ReturnType<typeof setTimeout> | undefined;
    const changed = () => {
      due ??= setTimeout(() => {
        due = undefined;
        void client.invalidateQueries({ queryKey: systemKeys.all });
      }, GATHER_MS);
    };
    const stop = followStack(changed, ({ kind }) => setLive(kind === 'open'));
    return () => {
      stop();
      clearTimeout(due);
    };
  }, [client]);
  return { query, live };
}

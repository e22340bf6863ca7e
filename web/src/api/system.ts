// The stack that the platform runs in: services, why they are where they are, logs, and to start and stop them.

import { get, call } from './backend';
import type { SystemChange, SystemLogLine, SystemService, SystemServiceDetails, SystemStack } from './schema';
import { follow, type Listener, type StreamState } from './stream';

export type Action = 'start' | 'stop' | 'restart';

export const systemKeys = {
  all: ['system'] as const,
  stack: ['system', 'stack'] as const,
  service: (name: string) => ['system', 'service', name] as const,
};

const path = (name: string, rest = '') => `/system/services/${encodeURIComponent(name)}${rest}`;

export const systemStack = () => get<SystemStack>('/system');
export const systemService = (name: string) => get<SystemServiceDetails>(path(name));

/** `force`: also what the answer comes through. */
export const change = (service: SystemService, action: Action) => {
  const force = needsForce(service, action);
  return call<SystemChange>('POST', path(service.name, `/${action}`), { query: force ? { force } : {} });
};

export const needsForce = (service: SystemService, action: Action) =>
  (action === 'stop' && service.stopNeedsForce) || (action === 'restart' && service.restartNeedsForce);

/** Whatever happens in the stack; what it was matters less than that the state is read anew. */
export const followStack = (onChange: () => void, onState: Listener['onState']) => follow('/system/events', { onEvent: onChange, onState });

/** `onStart`: the lines that follow are the newest again. */
export function followLog(name: string, lines: number, onStart: () => void, onLine: (line: SystemLogLine) => void, onState: (state: StreamState) => void) {
  return follow(
    path(name, '/logs/stream'),
    {
      onEvent: ({ event, data }) => {
        if (event === 'start') onStart();
        else if (event === 'line') onLine(data as SystemLogLine);
      },
      onState,
    },
    { lines },
  );
}

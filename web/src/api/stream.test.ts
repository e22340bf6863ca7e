import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { startSession } from './session';
import { eventsIn, follow, type ServerEvent, type StreamState } from './stream';

beforeEach(() => startSession({ username: 'ada', email: 'ada@example.com', authority: 'ADMIN', accessToken: 'old', refreshToken: 'r' }));
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

const event = (name: string, data: unknown) => `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;

/** What a listener is told. */
function listen() {
  const events: ServerEvent[] = [];
  const states: StreamState['kind'][] = [];
  return { events, states, onEvent: (one: ServerEvent) => events.push(one), onState: (state: StreamState) => states.push(state.kind) };
}

it('takes whole events and keeps the rest', () => {
  const { events, rest } = eventsIn(`retry: 2000\nevent: start\ndata: {}\n\n:\n\n${event('line', { text: 'a: b' })}event: li`);
  expect(events).toEqual([
    { event: 'start', data: {} },
    { event: 'line', data: { text: 'a: b' } },
  ]);
  expect(rest).toBe('event: li');
  expect(eventsIn(rest + 'ne\ndata: 3\n\n')).toEqual({ events: [{ event: 'line', data: 3 }], rest: '' });
});

it('renews the session, hears what comes, and comes back after an end', async () => {
  vi.useFakeTimers();
  let asked = 0;
  vi.stubGlobal('fetch', async (url: string) => {
    if (url.endsWith('/users/auth/refresh')) return new Response(JSON.stringify({ accessToken: 'new' }));
    asked += 1;
    if (asked === 1) return new Response(JSON.stringify({ message: 'Unauthorized' }), { status: 401 });
    return new Response(event('line', asked));
  });
  const heard = listen();
  const stop = follow('/system/events', heard);
  await vi.waitFor(() => expect(heard.states).toEqual(['open', 'lost']));
  expect(heard.events).toEqual([{ event: 'line', data: 2 }]);
  await vi.advanceTimersByTimeAsync(500);
  await vi.waitFor(() => expect(heard.events).toHaveLength(2));
  stop();
  const before = asked;
  await vi.advanceTimersByTimeAsync(60_000);
  expect(asked).toBe(before);
});

it('waits longer and longer for a server that is away', async () => {
  vi.useFakeTimers();
  const fetch = vi.fn().mockRejectedValue(new TypeError('failed'));
  vi.stubGlobal('fetch', fetch);
  const heard = listen();
  const stop = follow('/system/events', heard);
  await vi.advanceTimersByTimeAsync(8600);
  expect(fetch).toHaveBeenCalledTimes(5);
  expect(new Set(heard.states)).toEqual(new Set(['lost']));
  stop();
});

it('gives up what it may not see', async () => {
  const fetch = vi.fn().mockImplementation(async () => new Response(JSON.stringify({ message: 'Forbidden' }), { status: 403 }));
  vi.stubGlobal('fetch', fetch);
  const heard = listen();
  follow('/system/events', heard);
  await vi.waitFor(() => expect(heard.states).toEqual(['refused']));
  expect(fetch).toHaveBeenCalledTimes(1);
});

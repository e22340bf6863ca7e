// Server-sent events of the backend, read with `fetch`: an expired session is renewed as with any other call, which the
// browser's own EventSource cannot do. Comes back by itself until it is stopped.

import { renew } from './backend';
import { config } from './config';
import { ApiError, bodyText } from './error';
import { address, type Query } from './request';
import { bearer } from './session';

export interface ServerEvent {
  event: string;
  data: unknown;
}

/** `lost`: it is tried again. `refused`: it is not, and the error tells why. */
export type StreamState = { kind: 'open' } | { kind: 'lost' } | { kind: 'refused'; error: ApiError };

export interface Listener {
  onEvent: (event: ServerEvent) => void;
  onState: (state: StreamState) => void;
}

/** Before the first try after a loss, the second, …; then the last of them. */
const PAUSES_MS = [500, 1000, 2000, 5000, 10_000];
/** The server says something every 15 s; silent for three times that, the connection is dead. */
const SILENCE_MS = 45_000;
/** A connection that held this long was a good one: the next loss is the first again. */
const STEADY_MS = 10_000;
/** No event is as long as this; what is longer is no stream of ours. */
const LONGEST = 1 << 20;

/** Whole events at the beginning of a text, and what is left of it. */
export function eventsIn(text: string): { events: ServerEvent[]; rest: string } {
  const blocks = text.split('\n\n');
  const rest = blocks.pop() ?? '';
  const events = blocks.flatMap((block) => {
    const fields = new Map(block.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trimStart()]));
    const data = fields.get('data');
    if (data === undefined) return []; // A comment: only a sign of life.
    return [{ event: fields.get('event') ?? 'message', data: JSON.parse(data) as unknown }];
  });
  return { events, rest };
}

/** Follows until the returned function is called. */
export function follow(path: string, listener: Listener, query?: Query): () => void {
  const stopped = new AbortController();
  void run(path, listener, query, stopped.signal);
  return () => stopped.abort();
}

async function run(path: string, { onEvent, onState }: Listener, query: Query | undefined, stopped: AbortSignal) {
  let losses = 0;
  while (!stopped.aborted) {
    const start = performance.now();
    try {
      await once(path, query, stopped, () => onState({ kind: 'open' }), onEvent);
    } catch (error) {
      if (stopped.aborted) return;
      if (error instanceof ApiError && error.status >= 400 && error.status < 500 && error.status !== 429) {
        onState({ kind: 'refused', error });
        return;
      }
    }
    if (stopped.aborted) return;
    onState({ kind: 'lost' });
    if (performance.now() - start > STEADY_MS) losses = 0;
    await pause(PAUSES_MS[Math.min(losses, PAUSES_MS.length - 1)] ?? 0, stopped);
    losses += 1;
  }
}

/** One connection, from its answer to its end. */
async function once(path: string, query: Query | undefined, stopped: AbortSignal, onOpen: () => void, onEvent: Listener['onEvent']) {
  const silent = new AbortController();
  const signal = AbortSignal.any([stopped, silent.signal]);
  let timer = setTimeout(() => silent.abort(), SILENCE_MS);
  const heard = () => {
    clearTimeout(timer);
    timer = setTimeout(() => silent.abort(), SILENCE_MS);
  };
  try {
    const response = await opened(path, query, signal);
    onOpen();
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    for (;;) {
      const part = await reader?.read();
      if (!part || part.done) return;
      heard();
      const { events, rest } = eventsIn(text + part.value);
      if (rest.length > LONGEST) throw new ApiError('network', 'not a stream of events');
      text = rest;
      events.forEach(onEvent);
    }
  } finally {
    clearTimeout(timer);
    silent.abort(); // Lets go of a connection that is still open.
  }
}

async function opened(path: string, query: Query | undefined, signal: AbortSignal): Promise<Response> {
  const response = await ask(path, query, signal);
  if (response.status !== 401) return checked(response);
  await renew();
  return checked(await ask(path, query, signal));
}

function ask(path: string, query: Query | undefined, signal: AbortSignal): Promise<Response> {
  const token = bearer();
  const headers: Record<string, string> = { accept: 'text/event-stream', ...(token ? { authorization: `Bearer ${token}` } : {}) };
  return fetch(address(config().backend, path, query), { headers, signal, credentials: 'include', cache: 'no-store' });
}

async function checked(response: Response): Promise<Response> {
  if (response.ok) return response;
  const text = await response.text();
  let body: unknown = text;
  try {
    body = JSON.parse(text);
  } catch {
    // A page of a server between us.
  }
  throw new ApiError('http', bodyText(body) ?? `${response.status}`, response.status, body, response.headers.get('x-request-id'));
}

function pause(ms: number, stopped: AbortSignal): Promise<void> {
  return new Promise((done) => {
    const end = () => {
      clearTimeout(timer);
      stopped.removeEventListener('abort', end);
      done();
    };
    const timer = setTimeout(end, ms);
    stopped.addEventListener('abort', end);
  });
}

// One HTTP exchange with JSON on both sides. Knows addresses, queries, time limits and errors; nothing of sessions.

import { ApiError, bodyText } from './error';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
export type Query = Record<string, string | number | boolean | readonly string[] | undefined>;

export interface Call {
  query?: Query;
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
  credentials?: RequestCredentials;
}

/** Computing the points of a catalog asks a flow for every control and scope: minutes, at most these. */
const TIMEOUT_MS = 300_000;

export function address(base: string, path: string, query?: Query): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value === undefined) continue;
    if (typeof value === 'object') value.forEach((item) => search.append(`${name}[]`, item));
    else search.append(name, String(value));
  }
  const text = search.toString();
  return base.replace(/\/+$/, '') + path + (text ? `?${text}` : '');
}

export async function exchange<T>(method: Method, url: string, call: Call = {}): Promise<T> {
  const limit = AbortSignal.timeout(TIMEOUT_MS);
  const signal = call.signal ? AbortSignal.any([call.signal, limit]) : limit;
  const headers: Record<string, string> = { accept: 'application/json', ...call.headers };
  let body: string | undefined;
  if (method !== 'GET') {
    headers['content-type'] ??= 'application/json';
    body = typeof call.body === 'string' ? call.body : JSON.stringify(call.body ?? {});
  }
  let response: Response;
  let text: string;
  try {
    response = await fetch(url, { method, headers, body, signal, credentials: call.credentials ?? 'include' });
    text = await response.text();
  } catch (error) {
    if (call.signal?.aborted) throw error;
    if (limit.aborted) throw new ApiError('timeout', 'no answer in time');
    throw new ApiError('network', 'cannot be reached');
  }
  const parsed = parse(text);
  if (!response.ok) {
    const trouble = isGateway(response, parsed) ? 'network' : 'http';
    const said = bodyText(parsed) ?? `${response.status} ${response.statusText}`.trim();
    throw new ApiError(trouble, said, response.status, parsed, response.headers.get('x-request-id'));
  }
  return parsed as T;
}

function parse(text: string): unknown {
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return text; // A page or plain text: some answers are.
  }
}

/** Whether the proxy answered for a server that is away: it names the service, or the answer is no JSON of a server of ours. */
export function isGateway(response: Response, body: unknown): boolean {
  if (![500, 502, 503, 504].includes(response.status)) return false;
  if (body === undefined || typeof body === 'string') return true;
  return response.status !== 500 && typeof (body as { service?: unknown }).service === 'string';
}

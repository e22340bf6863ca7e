// Whether the services answer, as the browser sees them.

import { config } from './config';
import { isGateway } from './request';

export const healthKeys = { all: ['health'] as const };

export type Health = 'up' | 'degraded' | 'down';

export interface ServiceHealth {
  name: 'backend' | 'nodeRed' | 'grafana';
  health: Health;
  latencyMs: number;
  /** Parts that the service checks itself, such as its database. */
  checks: { name: string; health: Health; latencyMs?: number }[];
  version?: string;
}

/** Longer than a healthy service ever needs, shorter than somebody looks at a spinner. */
const LIMIT_MS = 5000;

interface Ready {
  status?: string;
  checks?: Record<string, { status?: string; latency_ms?: number }>;
}

/** `body` is nothing when the service itself gave no JSON. */
async function ask(url: string): Promise<{ response?: Response; body?: unknown; latencyMs: number }> {
  const start = performance.now();
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(LIMIT_MS), credentials: 'omit', cache: 'no-store' });
    const isJson = response.headers.get('content-type')?.includes('json') ?? false;
    const body: unknown = isJson ? await response.json() : undefined;
    // The proxy's own answer is none of the service.
    if (isGateway(response, body)) return { response, latencyMs: performance.now() - start };
    return { response, body, latencyMs: performance.now() - start };
  } catch {
    return { latencyMs: performance.now() - start }; // No answer is what was asked about.
  }
}

async function backend(): Promise<ServiceHealth> {
  const { healthUrl, backend: base } = config();
  const asked = healthUrl ? await ask(healthUrl) : undefined;
  const ready = asked?.body as Ready | undefined;
  if (asked && ready?.checks) {
    const checks = Object.entries(ready.checks).map(([name, check]) => ({
      name,
      health: check.status === 'up' ? ('up' as const) : ('down' as const),
      latencyMs: check.latency_ms,
    }));
    return { name: 'backend', health: asked.response?.ok ? 'up' : 'degraded', latencyMs: asked.latencyMs, checks };
  }
  // Nothing behind that address: any JSON answer of the API itself shows that it is there.
  const other = await ask(`${base}/getAuth`);
  return { name: 'backend', health: other.body !== undefined ? 'up' : 'down', latencyMs: other.latencyMs, checks: [] };
}

async function nodeRed(): Promise<ServiceHealth> {
  const { body, latencyMs } = await ask(`${config().nodeRedUrl}auth/login`);
  return { name: 'nodeRed', health: body !== undefined ? 'up' : 'down', latencyMs, checks: [] };
}

async function grafana(): Promise<ServiceHealth> {
  const { response, body, latencyMs } = await ask(`${config().grafanaUrl}api/health`);
  const told = body as { database?: string; version?: string } | undefined;
  const health: Health = !told ? 'down' : response?.ok && told.database === 'ok' ? 'up' : 'degraded';
  return { name: 'grafana', health, latencyMs, checks: [], version: told?.version };
}

export const servicesHealth = () => Promise.all([backend(), nodeRed(), grafana()]);

// Addresses that are known at run time only: `config.json` beside the page.

export interface Config {
  /** The API, with its prefix if it has one. */
  backend: string;
  nodeRedUrl: string;
  grafanaUrl: string;
  /** Readiness of the API, for the pages that show it; empty: not asked. */
  healthUrl: string;
}

const DEFAULTS: Config = {
  backend: '/backend',
  nodeRedUrl: '/node-red/',
  grafanaUrl: '/grafana/',
  healthUrl: '/health/ready',
};

let current = DEFAULTS;

export function config(): Config {
  return current;
}

export function readConfig(value: unknown): Config {
  if (typeof value !== 'object' || value === null) return DEFAULTS;
  const given = value as Record<string, unknown>;
  const text = (name: keyof Config) => (typeof given[name] === 'string' ? (given[name] as string) : DEFAULTS[name]);
  const folder = (name: keyof Config) => text(name).replace(/\/*$/, '/');
  return {
    backend: text('backend').replace(/\/+$/, ''),
    nodeRedUrl: folder('nodeRedUrl'),
    grafanaUrl: folder('grafanaUrl'),
    healthUrl: text('healthUrl'),
  };
}

/** Without the file, or with a broken one, the defaults hold: they are what the stack's own proxy serves. */
export async function loadConfig(): Promise<void> {
  try {
    const response = await fetch('./config.json', { cache: 'no-cache' });
    if (response.ok) current = readConfig(await response.json());
  } catch (error) {
    console.warn('config.json cannot be read; the defaults are used', error);
  }
}

// Times as Grafana writes them, and addresses of its panels. Pure.

import type { GrafanaDashboard, GrafanaPanel } from '../../api/grafana';

const UNIT_MS: Record<string, number> = { s: 1e3, m: 6e4, h: 36e5, d: 864e5, w: 6048e5 };

/** `now`, `now-6h` and so on, or a date, as a moment; anything else is not understood. */
export function moment(text: string, now: Date): Date | undefined {
  if (text === 'now') return now;
  const relative = /^now-(\d+)([smhdwMy])$/.exec(text);
  if (relative) {
    const [, count = '0', unit = 's'] = relative;
    const back = Number(count);
    const ms = UNIT_MS[unit];
    if (ms) return new Date(now.getTime() - back * ms);
    const date = new Date(now);
    if (unit === 'M') date.setMonth(date.getMonth() - back);
    else date.setFullYear(date.getFullYear() - back);
    return date;
  }
  const date = new Date(text);
  return Number.isNaN(date.getTime()) ? undefined : date;
}

const SIX_HOURS_MS = 6 * 36e5;

/** Where Grafana shows one panel alone, over the dashboard's own time. */
export function soloUrl(base: string, { dashboard, meta }: GrafanaDashboard, panel: GrafanaPanel, theme: 'light' | 'dark', now: Date): string {
  const from = moment(dashboard.time?.from ?? '', now) ?? new Date(now.getTime() - SIX_HOURS_MS);
  const to = moment(dashboard.time?.to ?? '', now) ?? now;
  const query = new URLSearchParams({
    orgId: '1',
    from: String(from.getTime()),
    to: String(to.getTime()),
    timezone: 'browser',
    theme,
    panelId: String(panel.id),
  });
  return `${base}d-solo/${encodeURIComponent(dashboard.uid)}/${encodeURIComponent(meta.slug || 'dashboard')}?${query}`;
}

/** Where Grafana shows the whole dashboard. */
export function pageUrl(base: string, { dashboard, meta }: GrafanaDashboard): string {
  const path = `d/${encodeURIComponent(dashboard.uid)}/${encodeURIComponent(meta.slug || 'dashboard')}`;
  return base + path;
}

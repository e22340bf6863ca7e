// Dashboards and folders, as the backend passes them on from Grafana.

import { del, get, post } from './backend';

export const grafanaKeys = {
  all: ['grafana'] as const,
  search: ['grafana', 'search'] as const,
  dashboard: (uid: string) => ['grafana', 'dashboard', uid] as const,
  query: (uid: string, id: number) => ['grafana', 'dashboard', uid, 'panel', id] as const,
};

export interface Found {
  id?: number;
  uid: string;
  title: string;
  type: 'dash-folder' | 'dash-db';
  url?: string;
  tags?: string[];
  folderUid?: string;
  folderTitle?: string;
  description?: string;
}

export interface GrafanaPanel {
  id: number;
  title?: string;
  type?: string;
  gridPos?: { x: number; y: number; w: number; h: number };
  targets?: { rawSql?: string }[];
}

export interface GrafanaDashboard {
  dashboard: {
    uid: string;
    title: string;
    description?: string;
    version?: number;
    schemaVersion?: number;
    tags?: string[];
    timezone?: string;
    refresh?: string;
    editable?: boolean;
    time?: { from: string; to: string };
    panels?: GrafanaPanel[];
  };
  meta: {
    slug?: string;
    url?: string;
    folderUid?: string;
    folderTitle?: string;
    created?: string;
    createdBy?: string;
    updated?: string;
    updatedBy?: string;
    version?: number;
    provisioned?: boolean;
    canAdmin?: boolean;
    canEdit?: boolean;
    canDelete?: boolean;
    canSave?: boolean;
  };
}

export interface CreatedDashboard {
  uid: string;
  url?: string;
  slug?: string;
}

export const searchGrafana = () => get<Found[]>('/grafana/search', { query: { limit: 5000 } });
export const getDashboard = (uid: string) => get<GrafanaDashboard>(`/grafana/dashboard/${uid}`);
export const deleteDashboard = (uid: string) => del(`/grafana/dashboard/${uid}`);
export const deleteFolder = (uid: string) => del(`/grafana/folder/${uid}`);
export const createFolder = (body: { title: string; description?: string; parentUid?: string }) =>
  post<{ uid: string; title: string }>('/grafana/folder', body);

/** An empty dashboard. Dates are ISO; without them it shows the last six hours. */
export const createDashboard = (body: { name: string; folderId?: string; startDate?: string; endDate?: string }) =>
  post<{ message: string; dashboard: CreatedDashboard }>('/grafana/dashboard/template', body);

/** A gauge of the share of a control's computations that hold, in percent. */
export const addGauge = (uid: string, title: string, controlId: number) =>
  post<{ panelId: number }>(`/grafana/dashboard/${uid}/panel`, {
    title,
    type: 'gauge',
    displayName: title,
    table: 'computation',
    sqlQuery: {
      aggregations: [{ func: 'AVG', attr: 'value::int * 100' }],
      whereConditions: [{ key: '"controlId"', operator: '=', value: controlId }],
      table: 'computation',
    },
  });

export const linkPanel = (controlId: number, panelId: number, dashboardUid: string) =>
  post(`/controls/${controlId}/panel/${panelId}`, { dashboardUid });

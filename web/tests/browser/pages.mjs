// Every page, by a short name.

export const PUBLIC = { landing: '/', about: '/about', login: '/login', unauthorized: '/unauthorized', missing: '/nowhere' };

/** `control`, `computation`, `dashboard`, `folder` are paths; the catalog is the control's. */
export const administratorPages = ({ control, computation, dashboard, folder }) => ({
  home: '/app',
  catalogs: '/app/catalogs',
  wizard: '/app/catalogs/new',
  catalog: control.replace(/\/controls\/.*/, ''),
  control,
  computation,
  scopes: '/app/scopes',
  dashboards: '/app/dashboards',
  dashboard,
  folder,
  mashups: '/app/mashups',
  editor: '/app/editor',
  secrets: '/app/secrets',
  profile: '/app/profile',
  twofa: '/app/setting-2fa',
  users: '/app/users',
  configuration: '/app/configuration',
  system: '/app/system',
});

export const FAKE_PAGES = administratorPages({
  control: '/app/catalogs/1/controls/1',
  computation: '/app/catalogs/1/controls/1/computations/00000000-0000-4000-8000-000000000101',
  dashboard: '/app/dashboards/dash00000001',
  folder: '/app/dashboards/folders/folder000001',
});

// Every page, by a short name.

export const PUBLIC = { landing: '/', about: '/about', login: '/login', unauthorized: '/unauthorized', missing: '/nowhere' };

export const pages = ({ catalog, control, computation, dashboard, folder }) => ({
  home: '/app',
  catalogs: '/app/catalogs',
  wizard: '/app/catalogs/new',
  catalog: `/app/catalogs/${catalog}`,
  control: `/app/catalogs/${catalog}/controls/${control}`,
  ...(computation ? { computation: `/app/catalogs/${catalog}/controls/${control}/computations/${computation}` } : {}),
  scopes: '/app/scopes',
  dashboards: '/app/dashboards',
  ...(dashboard ? { dashboard: `/app/dashboards/${dashboard}` } : {}),
  ...(folder ? { folder: `/app/dashboards/folders/${folder}` } : {}),
  mashups: '/app/mashups',
  editor: '/app/editor',
  secrets: '/app/secrets',
  profile: '/app/profile',
  twofa: '/app/setting-2fa',
  users: '/app/users',
  configuration: '/app/configuration',
  system: '/app/system',
});

export const FAKE_PAGES = pages({ catalog: 1, control: 1, computation: '00000000-0000-4000-8000-000000000101', dashboard: 'dash00000001', folder: 'folder000001' });

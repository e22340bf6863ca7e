// Every route. Each page is fetched when it is first visited.

import { createHashRouter, type LazyRouteFunction, type RouteObject } from 'react-router';
import { Broken, Missing } from './Broken';
import { Administrators, Editors, SignedIn } from './guards';
import { PublicShell } from './PublicShell';
import { Root } from './Root';

type Page = { default: React.ComponentType };
const page =
  (load: () => Promise<Page>): LazyRouteFunction<RouteObject> =>
  async () => ({ Component: (await load()).default });

const routes: RouteObject[] = [
  {
    Component: Root,
    ErrorBoundary: Broken,
    HydrateFallback: () => null,
    children: [
      {
        Component: PublicShell,
        children: [
          { path: '/', lazy: page(() => import('../pages/public/Landing')) },
          { path: '/about', lazy: page(() => import('../pages/public/About')) },
        ],
      },
      { path: '/login', lazy: page(() => import('../pages/public/SignIn')) },
      { path: '/logout', lazy: page(() => import('../pages/public/SignOut')) },
      { path: '/unauthorized', lazy: page(() => import('../pages/public/Unauthorized')) },
      {
        path: '/app',
        Component: SignedIn,
        children: [
          {
            lazy: async () => ({ Component: (await import('./AppShell')).AppShell }),
            children: [
              {
                ErrorBoundary: Broken,
                children: [
                  { index: true, lazy: page(() => import('../pages/home/Home')) },
                  { path: 'catalogs', lazy: page(() => import('../pages/catalogs/CatalogList')) },
                  { path: 'catalogs/:id', lazy: page(() => import('../pages/catalogs/CatalogPage')) },
                  { path: 'catalogs/:id/controls/:controlId', lazy: page(() => import('../pages/controls/ControlPage')) },
                  {
                    path: 'catalogs/:id/controls/:controlId/computations/:computationId',
                    lazy: page(() => import('../pages/computations/ComputationPage')),
                  },
                  {
                    Component: Editors,
                    children: [{ path: 'catalogs/new', lazy: page(() => import('../pages/catalogs/Wizard')) }],
                  },
                  { path: 'scopes', lazy: page(() => import('../pages/scopes/Scopes')) },
                  { path: 'dashboards', lazy: page(() => import('../pages/dashboards/Dashboards')) },
                  { path: 'dashboards/:id', lazy: page(() => import('../pages/dashboards/DashboardPage')) },
                  { path: 'dashboards/folders/:id', lazy: page(() => import('../pages/dashboards/FolderPage')) },
                  { path: 'mashups', lazy: page(() => import('../pages/mashups/Mashups')) },
                  { path: 'editor', lazy: page(() => import('../pages/mashups/Editor')) },
                  { path: 'editor/:id', lazy: page(() => import('../pages/mashups/Editor')) },
                  { path: 'secrets', lazy: page(() => import('../pages/secrets/Secrets')) },
                  { path: 'profile', lazy: page(() => import('../pages/profile/Profile')) },
                  { path: 'setting-2fa', lazy: page(() => import('../pages/profile/SecondFactorPage')) },
                  { path: 'system', lazy: page(() => import('../pages/system/System')) },
                  {
                    Component: Administrators,
                    children: [
                      { path: 'users', lazy: page(() => import('../pages/admin/UserList')) },
                      { path: 'configuration', lazy: page(() => import('../pages/admin/ConfigurationPage')) },
                    ],
                  },
                  { path: '*', Component: Missing },
                ],
              },
            ],
          },
        ],
      },
      { path: '*', Component: Missing },
    ],
  },
];

export const newRouter = () => createHashRouter(routes);

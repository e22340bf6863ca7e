// Who may see which routes.

import { Navigate, Outlet, useLocation } from 'react-router';
import type { Role } from '../api/schema';
import { useSession } from './session';

export function SignedIn({ roles }: { roles?: Role[] }) {
  const session = useSession();
  const location = useLocation();
  if (!session) return <Navigate to="/" replace state={{ from: location.pathname + location.search }} />;
  if (roles && !roles.includes(session.authority)) return <Navigate to="/unauthorized" replace />;
  return <Outlet />;
}

/** Those who may change things. */
export function Editors() {
  return <SignedIn roles={['ADMIN', 'DEVELOPER']} />;
}

export function Administrators() {
  return <SignedIn roles={['ADMIN']} />;
}

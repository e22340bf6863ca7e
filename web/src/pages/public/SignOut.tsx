// Signs out, and goes back to the start.

import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { Navigate } from 'react-router';
import { signOut } from '../../api/backend';
import { session } from '../../api/session';
import { Loading } from '../../components/States';

export default function SignOut() {
  const client = useQueryClient();
  const [done, setDone] = useState(() => !session());
  useEffect(() => {
    if (done) return;
    void signOut().then(() => {
      client.clear();
      setDone(true);
    });
  }, [client, done]);
  return done ? <Navigate to="/" replace /> : <Loading rows={2} />;
}

// What is shown when a page cannot be: it failed, or there is none.

import { SearchX, TriangleAlert } from 'lucide-react';
import { useRouteError } from 'react-router';
import { Button, LinkButton } from '../components/Button';
import { useTitle } from '../components/Page';
import { Notice } from '../components/States';
import { useTexts } from '../i18n';
import { useSession } from './session';

export function Broken() {
  const { t } = useTexts();
  const error = useRouteError();
  useTitle(t('broken.title'));
  return (
    <main className="mx-auto max-w-2xl px-4 py-16">
      <Notice
        role="alert"
        icon={TriangleAlert}
        title={t('broken.title')}
        text={error instanceof Error ? error.message : t('broken.text')}
        action={<Button onClick={() => window.location.reload()}>{t('action.reload')}</Button>}
      />
    </main>
  );
}

export function Missing() {
  const { t } = useTexts();
  const home = useSession() ? '/app' : '/';
  useTitle(t('missing.title'));
  return (
    <div className="mx-auto max-w-2xl px-4 py-16">
      <h1 className="sr-only">{t('missing.title')}</h1>
      <Notice icon={SearchX} title={t('missing.title')} text={t('missing.text')} action={<LinkButton to={home}>{t('action.home')}</LinkButton>} />
    </div>
  );
}

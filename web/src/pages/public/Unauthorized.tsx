// For who is signed in, but not as somebody who may see the page.

import { Lock } from 'lucide-react';
import { LinkButton } from '../../components/Button';
import { useTitle } from '../../components/Page';
import { Notice } from '../../components/States';
import { useTexts } from '../../i18n';

export default function Unauthorized() {
  const { t } = useTexts();
  useTitle(t('unauthorized.title'));
  return (
    <main className="mx-auto max-w-2xl px-4 py-16">
      <h1 className="sr-only">{t('unauthorized.title')}</h1>
      <Notice icon={Lock} title={t('unauthorized.title')} text={t('unauthorized.text')} action={<LinkButton to="/">{t('unauthorized.home')}</LinkButton>} />
    </main>
  );
}

// What STATUS is, in a few words.

import { ExternalLink } from 'lucide-react';
import { ORGANISATION_URL, TEAM_URL } from '../../app/links';
import { buttonClass } from '../../components/Button';
import { useTitle } from '../../components/Page';
import { useTexts } from '../../i18n';

export default function About() {
  const { t } = useTexts();
  useTitle(t('about.title'));
  return (
    <article className="mx-auto max-w-3xl px-4 py-16 sm:px-6">
      <h1 className="text-3xl font-semibold">{t('about.title')}</h1>
      <p className="mt-5 text-lg text-muted">{t('about.what')}</p>
      <p className="mt-4 text-muted">{t('about.how')}</p>
      <div className="mt-8 flex flex-wrap gap-3">
        <a className={buttonClass('secondary')} href={TEAM_URL}>
          {t('public.team')}
          <ExternalLink className="size-4" aria-hidden />
        </a>
        <a className={buttonClass('secondary')} href={ORGANISATION_URL}>
          {t('about.source')}
          <ExternalLink className="size-4" aria-hidden />
        </a>
      </div>
    </article>
  );
}

// The page for who comes by: what it is for, for whom, how to begin.

import { ArrowRight, BookOpen, ChartLine, ClipboardCheck, ExternalLink, FileSearch, ShieldCheck, Workflow } from 'lucide-react';
import { Tabs } from 'radix-ui';
import { Link, useLocation } from 'react-router';
import { DOCS_URL, ORGANISATION_URL } from '../../app/links';
import { useSession } from '../../app/session';
import { buttonClass, LinkButton } from '../../components/Button';
import { useTitle } from '../../components/Page';
import { useTexts, type Key } from '../../i18n';
import { Preview } from './Preview';

const STEPS = [
  { icon: ClipboardCheck, title: 'landing.define', text: 'landing.defineText' },
  { icon: Workflow, title: 'landing.connect', text: 'landing.connectText' },
  { icon: ChartLine, title: 'landing.watch', text: 'landing.watchText' },
] as const;

const CASES: { id: string; icon: typeof ShieldCheck; title: Key; text: Key }[] = [
  { id: 'iso', icon: ShieldCheck, title: 'landing.iso', text: 'landing.isoText' },
  { id: 'gdpr', icon: FileSearch, title: 'landing.gdpr', text: 'landing.gdprText' },
  { id: 'cmmi', icon: ClipboardCheck, title: 'landing.cmmi', text: 'landing.cmmiText' },
];

export default function Landing() {
  const { t } = useTexts();
  const session = useSession();
  const { state } = useLocation();
  useTitle('');
  return (
    <>
      <div className="overflow-x-clip">
      <section className="mx-auto grid max-w-6xl items-center gap-12 px-4 pt-16 pb-20 sm:px-6 lg:grid-cols-[1.05fr_1fr] lg:pt-24">
        <div>
          <h1 className="text-4xl leading-[1.08] font-semibold sm:text-5xl">{t('landing.title')}</h1>
          <p className="mt-5 max-w-xl text-lg text-muted">{t('landing.text')}</p>
          <div className="mt-8 flex flex-wrap gap-3">
            <LinkButton to={session ? '/app' : '/login'} state={state} look="primary">
              {session ? t('public.open') : t('landing.begin')}
              <ArrowRight className="size-4" aria-hidden />
            </LinkButton>
            <a href={DOCS_URL} className={buttonClass('secondary')}>
              <BookOpen className="size-4" aria-hidden />
              {t('landing.install')}
            </a>
          </div>
        </div>
        <Preview />
      </section>
      </div>

      <section className="border-y border-line bg-surface">
        <ol className="mx-auto grid max-w-6xl gap-10 px-4 py-16 sm:px-6 md:grid-cols-3">
          {STEPS.map(({ icon: Icon, title, text }) => (
            <li key={title}>
              <span className="grid size-10 place-items-center rounded-lg bg-accent-soft text-accent-text">
                <Icon className="size-5" aria-hidden />
              </span>
              <h2 className="mt-4 text-lg font-semibold">{t(title)}</h2>
              <p className="mt-1.5 text-muted">{t(text)}</p>
            </li>
          ))}
        </ol>
      </section>

      <section className="mx-auto max-w-6xl px-4 py-20 sm:px-6">
        <h2 className="text-2xl font-semibold">{t('landing.cases')}</h2>
        <Tabs.Root defaultValue="iso" className="mt-6">
          <Tabs.List aria-label={t('landing.cases')} className="flex flex-wrap gap-2">
            {CASES.map(({ id, title }) => (
              <Tabs.Trigger
                key={id}
                value={id}
                className="rounded-lg border border-line bg-surface px-4 py-2 text-sm font-medium text-muted hover:text-ink data-[state=active]:border-accent data-[state=active]:bg-accent-soft data-[state=active]:text-accent-text"
              >
                {t(title)}
              </Tabs.Trigger>
            ))}
          </Tabs.List>
          {CASES.map(({ id, icon: Icon, title, text }) => (
            <Tabs.Content key={id} value={id} className="mt-5 flex flex-col gap-5 rounded-2xl border border-line bg-surface p-6 shadow-card sm:flex-row sm:p-8">
              <span className="grid size-14 shrink-0 place-items-center rounded-xl bg-accent-soft text-accent-text">
                <Icon className="size-7" aria-hidden />
              </span>
              <div>
                <h3 className="text-lg font-semibold">{t(title)}</h3>
                <p className="mt-2 max-w-2xl text-muted">{t(text)}</p>
              </div>
            </Tabs.Content>
          ))}
        </Tabs.Root>
      </section>

      <footer className="border-t border-line">
        <div className="mx-auto flex max-w-6xl flex-wrap items-center justify-between gap-x-6 gap-y-3 px-4 py-8 text-sm text-muted sm:px-6">
          <p>© {new Date().getFullYear()} Universidad de Sevilla</p>
          <nav aria-label={t('landing.more')} className="flex flex-wrap gap-x-5 gap-y-2">
            <a className="hover:text-ink" href={DOCS_URL}>
              {t('landing.docs')}
            </a>
            <Link className="hover:text-ink" to="/about">
              {t('public.about')}
            </Link>
            <a className="inline-flex items-center gap-1.5 hover:text-ink" href={ORGANISATION_URL}>
              <ExternalLink className="size-4" aria-hidden />
              GitHub
            </a>
            <a className="hover:text-ink" href="https://www.apache.org/licenses/LICENSE-2.0">
              {t('landing.license')}
            </a>
          </nav>
        </div>
      </footer>
    </>
  );
}

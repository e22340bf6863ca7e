// Instead of empty charts: what to do first, and what of it is done.

import { useQuery } from '@tanstack/react-query';
import { Check } from 'lucide-react';
import { Link } from 'react-router';
import { catalogKeys, listCatalogs } from '../../api/catalogs';
import { controlKeys, listControls } from '../../api/controls';
import { useMayEdit } from '../../app/session';
import { Section } from '../../components/Card';
import { Notice } from '../../components/States';
import { useTexts, type Key } from '../../i18n';

export function Start() {
  const { t } = useTexts();
  const mayEdit = useMayEdit();
  const catalogs = useQuery({ queryKey: catalogKeys.all, queryFn: listCatalogs });
  const controls = useQuery({ queryKey: controlKeys.all, queryFn: listControls });
  const [first] = catalogs.data ?? [];
  const steps: { title: Key; text: Key; to: string; done: boolean }[] = [
    { title: 'start.flow', text: 'start.flowText', to: '/app/editor', done: controls.data?.some((control) => control.params?.endpoint) ?? false },
    { title: 'start.catalog', text: 'start.catalogText', to: '/app/catalogs/new', done: first !== undefined && (controls.data?.length ?? 0) > 0 },
    { title: 'start.calculate', text: 'start.calculateText', to: first ? `/app/catalogs/${first.id}` : '/app/catalogs', done: false },
  ];
  if (!mayEdit) {
    return (
      <Section title={t('home.now')} className="lg:col-span-3">
        <Notice title={t('home.noPoints')} text={t('start.wait')} />
      </Section>
    );
  }
  return (
    <Section title={t('start.title')} description={t('start.text')} className="lg:col-span-3">
      <ol className="grid gap-4 py-1 md:grid-cols-3">
        {steps.map(({ title, text, to, done }, at) => (
          <li key={title} className="flex gap-3 rounded-xl border border-line p-4">
            <span className={`grid size-7 shrink-0 place-items-center rounded-full text-sm font-semibold ${done ? 'bg-good-soft text-good' : 'bg-accent-soft text-accent-text'}`}>
              {done ? <Check className="size-4" aria-label={t('start.done')} /> : at + 1}
            </span>
            <div className="min-w-0">
              <Link to={to} className="font-medium hover:text-accent-text hover:underline">
                {t(title)}
              </Link>
              <p className="mt-1 text-sm text-muted">{t(text)}</p>
            </div>
          </li>
        ))}
      </ol>
    </Section>
  );
}

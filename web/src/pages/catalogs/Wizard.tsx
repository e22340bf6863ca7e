// A new catalog in three steps. Everything is on the server after each step: a draft until the last one is completed.

import { useQuery } from '@tanstack/react-query';
import { Check } from 'lucide-react';
import { useEffect, useRef, useState } from 'react';
import { useSearchParams } from 'react-router';
import { catalogKeys, getCatalog } from '../../api/catalogs';
import type { Catalog } from '../../api/schema';
import { LinkButton } from '../../components/Button';
import { Card } from '../../components/Card';
import { later } from '../../components/later';
import { Page } from '../../components/Page';
import { Loaded, Notice } from '../../components/States';
import { useTexts } from '../../i18n';
import { InfoStep } from './InfoStep';

const ControlsStep = later(async () => (await import('./ControlsStep')).ControlsStep);
const DashboardStep = later(async () => (await import('./DashboardStep')).DashboardStep);

const STEPS = ['wizard.info', 'wizard.controls', 'wizard.dashboard'] as const;

export default function Wizard() {
  const { t } = useTexts();
  const [search, setSearch] = useSearchParams();
  const id = Number(search.get('draft'));
  const query = useQuery({ queryKey: catalogKeys.one(id), queryFn: () => getCatalog(id), enabled: id > 0 });
  if (!(id > 0)) return <Steps onDraft={(draft) => setSearch({ draft: String(draft.id) }, { replace: true })} />;
  const gone = query.data?.status === 'finalized';
  if (query.data && !gone) return <Steps draft={query.data} onDraft={() => {}} />;
  return (
    <Page title={t('wizard.title')}>
      <Card>
        <Loaded query={query} isEmpty={() => gone} empty={<Notice title={t('wizard.gone')} action={<LinkButton to="/app/catalogs">{t('home.allCatalogs')}</LinkButton>} />}>
          {() => null}
        </Loaded>
      </Card>
    </Page>
  );
}

function Steps({ draft, onDraft }: { draft?: Catalog; onDraft: (draft: Catalog) => void }) {
  const { t } = useTexts();
  const [step, setStep] = useState(draft ? 1 : 0);
  const heading = useRef<HTMLHeadingElement>(null);
  const first = useRef(true);
  useEffect(() => {
    if (first.current) first.current = false;
    else heading.current?.focus();
  }, [step]);
  return (
    <Page title={draft?.name ?? t('wizard.title')} description={t('wizard.text')}>
      <ol aria-label={t('wizard.steps')} className="mb-6 grid grid-cols-3 gap-2 sm:gap-4">
        {STEPS.map((name, at) => (
          <li key={name} aria-current={at === step ? 'step' : undefined} className={`flex items-center gap-2.5 border-t-2 pt-3 text-sm font-medium ${at <= step ? 'border-accent' : 'border-line text-muted'}`}>
            <span aria-hidden className={`grid size-6 shrink-0 place-items-center rounded-full text-xs ${at < step ? 'bg-accent text-on-accent' : at === step ? 'bg-accent-soft text-accent-text' : 'bg-raised text-muted'}`}>
              {at < step ? <Check className="size-3.5" /> : at + 1}
            </span>
            <span className="max-sm:text-xs">{t(name)}</span>
          </li>
        ))}
      </ol>
      <Card className="p-4 sm:p-6">
        <h2 ref={heading} tabIndex={-1} className="mb-5 text-lg font-semibold outline-none">
          {t(STEPS[step] ?? 'wizard.info')}
        </h2>
        {step === 0 && (
          <InfoStep
            draft={draft}
            onDone={(catalog) => {
              onDraft(catalog);
              setStep(1);
            }}
          />
        )}
        {step === 1 && draft && <ControlsStep draft={draft} onBack={() => setStep(0)} onDone={() => setStep(2)} />}
        {step === 2 && draft && <DashboardStep draft={draft} onBack={() => setStep(1)} />}
      </Card>
    </Page>
  );
}

// What is not met now, the worst first: where somebody has to look.

import { useQuery } from '@tanstack/react-query';
import { CircleCheck } from 'lucide-react';
import { Link } from 'react-router';
import { catalogKeys, listCatalogs } from '../../api/catalogs';
import { listPoints, pointKeys } from '../../api/computations';
import { controlKeys, listControls } from '../../api/controls';
import { failing, guaranteeOf } from '../../charts/compliance';
import { Section } from '../../components/Card';
import { Loaded, Notice } from '../../components/States';
import { useTexts } from '../../i18n';

/** As many as fit beside the catalogs. */
const MOST = 4;

export function Attention() {
  const { t, number } = useTexts();
  const points = useQuery({ queryKey: pointKeys.all, queryFn: listPoints });
  const catalogs = useQuery({ queryKey: catalogKeys.all, queryFn: listCatalogs });
  const controls = useQuery({ queryKey: controlKeys.all, queryFn: listControls });
  const all = failing(points.data ?? []);
  return (
    <Section title={t('home.attention')} description={all.length > MOST ? t('home.attentionMore', { n: all.length }) : undefined}>
      <Loaded query={points} rows={3} isEmpty={() => all.length === 0} empty={<Notice icon={CircleCheck} title={t('home.allMet')} />}>
        {() => (
          <ul className="divide-y divide-line">
            {all.slice(0, MOST).map((point) => {
              const catalog = catalogs.data?.find(({ tpaId }) => tpaId === point.agreementId);
              const control = controls.data?.find(({ catalogId, name }) => catalogId === catalog?.id && guaranteeOf(name) === point.guaranteeId);
              const where = Object.values(point.scope).map(String).join(', ');
              return (
                <li key={point.id} className="flex items-baseline justify-between gap-3 py-2.5">
                  <span className="min-w-0">
                    {control ? (
                      <Link to={`/app/catalogs/${control.catalogId}/controls/${control.id}`} className="block truncate text-sm font-medium hover:text-accent-text hover:underline">
                        {control.name}
                      </Link>
                    ) : (
                      <span className="block truncate text-sm font-medium">{point.guaranteeId}</span>
                    )}
                    <span className="block truncate text-xs text-muted">{[catalog?.name, where].filter(Boolean).join(' · ')}</span>
                  </span>
                  <span className="text-sm font-semibold whitespace-nowrap text-bad tabular-nums">{number(point.guaranteeValue)} %</span>
                </li>
              );
            })}
          </ul>
        )}
      </Loaded>
    </Section>
  );
}

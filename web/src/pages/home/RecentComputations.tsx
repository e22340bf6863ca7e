// What was computed last.

import { useQuery } from '@tanstack/react-query';
import { Calculator } from 'lucide-react';
import { Link } from 'react-router';
import { catalogKeys, listCatalogs } from '../../api/catalogs';
import { computationKeys, listComputations, listPoints, pointKeys } from '../../api/computations';
import { controlKeys, listControls } from '../../api/controls';
import { controlsOfRows } from '../../api/results';
import { evidenceShare } from '../../charts/compliance';
import { Result, ScopeBadges } from '../../components/Badge';
import { Section } from '../../components/Card';
import { Loaded, Notice } from '../../components/States';
import { useTexts } from '../../i18n';

/** As many as are read at a glance. */
const MOST = 8;

/** Of a period, which is as the flow wrote it. */
const moment = (value: unknown) => (typeof value === 'string' ? value : undefined);

export function RecentComputations() {
  const { t, ago, span } = useTexts();
  const recent = useQuery({
    queryKey: computationKeys.all,
    queryFn: listComputations,
    select: (rows) => [...rows].sort((a, b) => (a.createdAt < b.createdAt ? 1 : -1)).slice(0, MOST),
  });
  const controls = useQuery({ queryKey: controlKeys.all, queryFn: listControls });
  const catalogs = useQuery({ queryKey: catalogKeys.all, queryFn: listCatalogs });
  const points = useQuery({ queryKey: pointKeys.all, queryFn: listPoints });
  const controlOf = controlsOfRows(points.data ?? [], catalogs.data ?? [], controls.data ?? []);
  return (
    <Section title={t('home.recent')} className="lg:col-span-3" flush>
      <Loaded query={recent} rows={5} empty={<Notice icon={Calculator} title={t('home.noComputations')} text={t('home.noPointsText')} />}>
        {(rows) => (
          <ul className="divide-y divide-line border-t border-line">
            {rows.map((row) => {
              const control = controlOf(row);
              const share = evidenceShare(row);
              const name = control?.name ?? t('computation.one');
              return (
                <li key={row.id} className="grid grid-cols-[auto_1fr_auto] items-center gap-x-4 gap-y-1 px-4 py-3 sm:grid-cols-[auto_minmax(10rem,1.4fr)_1fr_9.5rem_8rem] lg:grid-cols-[auto_minmax(10rem,1.4fr)_1fr_12rem_9.5rem_8rem] sm:px-5">
                  <Result value={row.value} wordless />
                  {control?.catalogId ? (
                    <Link className="truncate text-sm font-medium hover:text-accent-text hover:underline" to={`/app/catalogs/${control.catalogId}/controls/${control.id}/computations/${row.id}`}>
                      {name}
                    </Link>
                  ) : (
                    <span className="truncate text-sm font-medium">{name}</span>
                  )}
                  <span className="max-sm:order-last max-sm:col-span-3">
                    <ScopeBadges scope={row.scope} />
                  </span>
                  <span className="hidden text-sm text-muted lg:block">{span(moment(row.period?.from), moment(row.period?.to))}</span>
                  <span className="hidden text-sm text-muted tabular-nums sm:block">{t('computation.evidencesOf', { met: share.met, total: share.total })}</span>
                  <span className="text-right text-sm text-muted">{ago(row.createdAt)}</span>
                </li>
              );
            })}
          </ul>
        )}
      </Loaded>
    </Section>
  );
}

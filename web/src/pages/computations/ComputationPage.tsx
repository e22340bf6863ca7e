// One computation, with the evidences behind its result.

import { useQuery } from '@tanstack/react-query';
import { ExternalLink, FileSearch } from 'lucide-react';
import { useParams } from 'react-router';
import type { Evidence } from '../../api/computations';
import { controlKeys, getControl } from '../../api/controls';
import { resultsOf } from '../../api/results';
import type { Computation } from '../../api/schema';
import { evidenceShare, ratio } from '../../charts/compliance';
import { Ring } from '../../charts/Meter';
import { Result, ScopeBadges } from '../../components/Badge';
import { LinkButton } from '../../components/Button';
import { Card, Facts, Section } from '../../components/Card';
import { DataTable, type Column } from '../../components/DataTable';
import { Page } from '../../components/Page';
import { Loaded, Notice } from '../../components/States';
import { useTexts } from '../../i18n';

export default function ComputationPage() {
  const { t } = useTexts();
  const { id, controlId, computationId } = useParams();
  const number = Number(controlId);
  const control = useQuery({ queryKey: controlKeys.one(number), queryFn: () => getControl(number), enabled: Number.isInteger(number) });
  const query = useQuery({
    queryKey: controlKeys.computations(number),
    queryFn: async () => resultsOf(await getControl(number), Number(id)),
    enabled: Number.isInteger(number),
  });
  const row = query.data?.find((item) => item.id === computationId);
  return (
    <Page title={control.data?.name ?? t('computation.one')} badge={row && <Result value={row.value} />}>
      <Card className={row ? 'border-0 bg-transparent shadow-none' : ''}>
        <Loaded
          query={query}
          isEmpty={() => !row}
          empty={<Notice title={t('computation.missing')} action={<LinkButton to={`/app/catalogs/${id}/controls/${controlId}`}>{t('computations.title')}</LinkButton>} />}
        >
          {() => row && <Details row={row} />}
        </Loaded>
      </Card>
    </Page>
  );
}

function Details({ row }: { row: Computation }) {
  const { t, time } = useTexts();
  const share = evidenceShare(row);
  return (
    <>
      <Card className="mb-5 flex flex-wrap items-center gap-x-10 gap-y-4 p-4 sm:p-5">
        <div className="flex items-center gap-4">
          <Ring share={ratio(share)} label={t('computations.evidences')} size={84} />
          <div>
            <p className="text-[0.8125rem] text-muted">{t('computations.evidences')}</p>
            <p className="text-sm font-medium">{t('computation.evidences', { ...share })}</p>
          </div>
        </div>
        <div className="min-w-0 flex-1 basis-72">
          <Facts
            columns="grid-cols-1 sm:grid-cols-2 lg:grid-cols-4"
            items={[
              [t('field.from'), time(row.period?.from as string | undefined)],
              [t('field.to'), time(row.period?.to as string | undefined)],
              [t('field.created'), time(row.createdAt)],
              [t('field.scope'), <ScopeBadges scope={row.scope} />],
            ]}
          />
        </div>
      </Card>
      <Evidences evidences={(row.evidences ?? []) as Evidence[]} />
    </>
  );
}

interface Numbered extends Evidence {
  at: number;
}

function Evidences({ evidences }: { evidences: Evidence[] }) {
  const { t, time } = useTexts();
  const rows: Numbered[] = evidences.map((evidence, at) => ({ ...evidence, at }));
  const nameOf = (row: Numbered) => String(row.key ?? row.id ?? row.at + 1);
  const columns: Column<Numbered>[] = [
    { id: 'result', header: t('field.result'), text: (row) => String(row.result), cell: (row) => <Result value={row.result} /> },
    { id: 'key', header: t('evidence.key'), text: nameOf, cell: (row) => <span className="font-medium">{nameOf(row)}</span> },
    { id: 'value', header: t('field.value'), text: (row) => JSON.stringify(row.value), cell: (row) => <Value value={row.value} /> },
    { id: 'from', header: t('field.from'), from: 'md', text: (row) => row.from, cell: (row) => time(row.from) },
    { id: 'to', header: t('field.to'), from: 'md', text: (row) => row.to, cell: (row) => time(row.to) },
  ];
  return (
    <Section title={t('computations.evidences')} flush>
      <DataTable
        name={t('computations.evidences')}
        rows={rows}
        columns={columns}
        rowKey={(row) => String(row.at)}
        rowName={nameOf}
        empty={<Notice icon={FileSearch} title={t('computation.noEvidences')} text={t('computation.noEvidencesText')} />}
      />
    </Section>
  );
}

function Value({ value }: { value: unknown }) {
  const { t } = useTexts();
  if (value === undefined || value === null) return <span className="text-muted">–</span>;
  if (typeof value === 'boolean') return value ? t('evidence.true') : t('evidence.false');
  if (typeof value === 'string' && /^https?:\/\//.test(value)) {
    return (
      <a href={value} target="_blank" rel="noreferrer" className="inline-flex items-center gap-1.5 font-medium text-accent-text hover:underline">
        {t('evidence.link')}
        <ExternalLink className="size-3.5" aria-hidden />
      </a>
    );
  }
  if (typeof value === 'string' || typeof value === 'number') return <span className="break-words">{value}</span>;
  return <code className="text-xs break-all">{JSON.stringify(value)}</code>;
}

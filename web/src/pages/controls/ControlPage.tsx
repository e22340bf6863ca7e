// One control: its facts, its scope sets, what was computed for it.

import { useQuery } from '@tanstack/react-query';
import { ExternalLink, Pencil, Plus } from 'lucide-react';
import { useState } from 'react';
import { useParams } from 'react-router';
import { controlKeys, getControl } from '../../api/controls';
import { statusOf } from '../../api/error';
import { editorUrl } from '../../api/node-red';
import { scopeKeys, setsOfControl } from '../../api/scopes';
import type { Control, ScopeSet } from '../../api/schema';
import { useMayEdit } from '../../app/session';
import { Badge, ScopeBadges } from '../../components/Badge';
import { Button, buttonClass, IconButton, LinkButton } from '../../components/Button';
import { Card, Facts, Section } from '../../components/Card';
import { later } from '../../components/later';
import { Page } from '../../components/Page';
import { Failed, Loaded, Loading, Notice } from '../../components/States';
import { toPairs } from '../../forms/pairs';
import { useTexts } from '../../i18n';
import { Computations } from './Computations';

const ScopeSetForm = later(async () => (await import('../scopes/ScopeSetForm')).ScopeSetForm);
const ControlForm = later(async () => (await import('./ControlForm')).ControlForm);

export default function ControlPage() {
  const { t } = useTexts();
  const params = useParams();
  const id = Number(params.controlId);
  const query = useQuery({ queryKey: controlKeys.one(id), queryFn: () => getControl(id), enabled: Number.isInteger(id) });
  if (query.data) return <Details control={query.data} catalogId={Number(params.id)} />;
  const missing = !Number.isInteger(id) || statusOf(query.error) === 404;
  return (
    <Page title={t('field.control')}>
      <Card>
        {missing ? (
          <Notice title={t('controls.missing')} action={<LinkButton to={`/app/catalogs/${params.id}`}>{t('controls.title')}</LinkButton>} />
        ) : query.isError ? (
          <Failed error={query.error} retry={() => void query.refetch()} />
        ) : (
          <Loading />
        )}
      </Card>
    </Page>
  );
}

function Details({ control, catalogId }: { control: Control; catalogId: number }) {
  const { t, span } = useTexts();
  const mayEdit = useMayEdit();
  const [editing, setEditing] = useState(false);
  return (
    <Page
      title={control.name}
      badge={control.status === 'draft' && <Badge tone="warn">{t('catalogs.draft')}</Badge>}
      description={control.description || t('field.noDescription')}
      actions={
        <>
          {control.mashupId && (
            <a href={editorUrl(control.mashupId)} target="_blank" rel="noreferrer" className={buttonClass('secondary')}>
              <ExternalLink className="size-4" aria-hidden />
              {t('controls.flow')}
            </a>
          )}
          {mayEdit && (
            <Button icon={Pencil} onClick={() => setEditing(true)}>
              {t('action.edit')}
            </Button>
          )}
        </>
      }
    >
      <div className="mb-5 grid gap-5 lg:grid-cols-2">
        <Card className="p-4 sm:p-5">
          <Facts
            columns="grid-cols-2"
            items={[
              [t('field.period'), t(`period.${control.period}`)],
              [t('field.duration'), span(control.startDate, control.endDate)],
              [t('controls.mashupId'), control.mashupId ? <code className="text-xs">{control.mashupId}</code> : '–'],
              [t('controls.params'), <ScopeBadges scope={Object.fromEntries(toPairs(control.params).map(({ name, value }) => [name, value]))} />],
            ]}
          />
        </Card>
        <Sets control={control} />
      </div>
      <Computations control={control} catalogId={catalogId} />
      {editing && <ControlForm control={control} catalogId={catalogId} draft={control.status === 'draft'} onClose={() => setEditing(false)} />}
    </Page>
  );
}

function Sets({ control }: { control: Control }) {
  const { t } = useTexts();
  const mayEdit = useMayEdit();
  const query = useQuery({ queryKey: [...scopeKeys.sets, control.id], queryFn: () => setsOfControl(control.id) });
  const [editing, setEditing] = useState<ScopeSet | 'new'>();
  const add = (
    <Button size="sm" icon={Plus} onClick={() => setEditing('new')}>
      {t('sets.new')}
    </Button>
  );
  return (
    <Section title={t('sets.title')} description={t('sets.formText')} actions={mayEdit && add}>
      <Loaded query={query} rows={2} empty={<p className="text-sm text-muted">{t('sets.emptyText')}</p>}>
        {(sets) => (
          <ul className="divide-y divide-line">
            {sets.map((set) => (
              <li key={set._id} className="flex items-center justify-between gap-3 py-2">
                <ScopeBadges scope={set.scopes} />
                {mayEdit && <IconButton icon={Pencil} label={t('sets.edit')} onClick={() => setEditing(set)} />}
              </li>
            ))}
          </ul>
        )}
      </Loaded>
      {editing && <ScopeSetForm set={editing === 'new' ? undefined : editing} controls={[control]} onClose={() => setEditing(undefined)} />}
    </Section>
  );
}

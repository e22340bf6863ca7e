// Which parts of the API are switched on. For administrators.

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { assistantLimit, configurationKeys, listConfiguration, switchEndpoint } from '../../api/configuration';
import type { Configuration } from '../../api/schema';
import { Section } from '../../components/Card';
import { errorText } from '../../components/error-text';
import { later } from '../../components/later';
import { Confirm } from '../../components/Modal';
import { Page } from '../../components/Page';
import { Loaded } from '../../components/States';
import { Switch } from '../../components/Switch';
import { toast } from '../../components/toasts';
import { useTexts } from '../../i18n';

const LimitForm = later(async () => (await import('./LimitForm')).LimitForm);

export default function ConfigurationPage() {
  const { t } = useTexts();
  const limit = useQuery({ queryKey: configurationKeys.limit, queryFn: assistantLimit });
  return (
    <Page title={t('nav.configuration')} description={t('config.text')}>
      <div className="grid items-start gap-5 lg:grid-cols-[2fr_1fr]">
        <Endpoints />
        <Section title={t('config.limit')} description={t('config.limitText')}>
          <Loaded query={limit} rows={2}>
            {(present) => <LimitForm key={present.limit} present={present.limit} />}
          </Loaded>
        </Section>
      </div>
    </Page>
  );
}

/** Without these nobody could come here to switch them on again. */
const isVital = (row: Configuration) => /\/(config|users)$/.test(row.endpoint);

function Endpoints() {
  const texts = useTexts();
  const { t } = texts;
  const client = useQueryClient();
  const query = useQuery({ queryKey: configurationKeys.all, queryFn: listConfiguration });
  const [leaving, setLeaving] = useState<Configuration>();
  const change = useMutation({
    mutationFn: ({ endpoint, available }: { endpoint: string; available: boolean }) => switchEndpoint(endpoint, available),
    onSuccess: () => toast(t('config.saved')),
    onSettled: () => client.invalidateQueries({ queryKey: configurationKeys.all, exact: true }),
  });
  const turn = (row: Configuration, available: boolean) => {
    if (!available) setLeaving(row);
    else change.mutate({ endpoint: row.endpoint, available }, { onError: (error) => toast(errorText(texts, error), 'bad') });
  };
  return (
    <Section title={t('config.endpoints')} flush>
      <Loaded query={query} rows={8}>
        {(rows) => (
          <ul className="divide-y divide-line border-t border-line">
            {[...rows]
              .sort((a, b) => a.endpoint.localeCompare(b.endpoint))
              .map((row) => (
                <li key={row.id} className="flex min-h-13 items-center justify-between gap-4 px-4 py-2 sm:px-5">
                  <div className="min-w-0">
                    <code className="text-sm break-all">{row.endpoint}</code>
                    {isVital(row) && <p className="text-xs text-muted">{t('config.locked')}</p>}
                  </div>
                  <Switch bare label={t('config.switch', { name: row.endpoint })} checked={row.available !== false} disabled={isVital(row) && row.available !== false} onChange={(available) => turn(row, available)} />
                </li>
              ))}
          </ul>
        )}
      </Loaded>
      <Confirm
        open={leaving !== undefined}
        onClose={() => setLeaving(undefined)}
        title={t('config.offTitle')}
        text={t('config.offText', { name: leaving?.endpoint ?? '' })}
        action={t('config.off')}
        onConfirm={async () => leaving && change.mutateAsync({ endpoint: leaving.endpoint, available: false })}
      />
    </Section>
  );
}

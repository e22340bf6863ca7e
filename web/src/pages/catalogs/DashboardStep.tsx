// Third step: a dashboard, if one is wanted, and the end of the draft.

import { useQuery, useQueryClient } from '@tanstack/react-query';
import { ArrowLeft, Check } from 'lucide-react';
import { useState } from 'react';
import { useNavigate } from 'react-router';
import { catalogKeys, controlsOf, finalizeCatalog, getCatalog, updateCatalog } from '../../api/catalogs';
import { controlKeys } from '../../api/controls';
import { addGauge, createDashboard, grafanaKeys, linkPanel } from '../../api/grafana';
import type { Catalog, Control } from '../../api/schema';
import { Button } from '../../components/Button';
import { errorText } from '../../components/error-text';
import { Switch } from '../../components/Switch';
import { toast } from '../../components/toasts';
import { Problem, TextField } from '../../forms/fields';
import { NAME_MAX, titleRules } from '../../forms/rules';
import { useServerForm } from '../../forms/useServerForm';
import { useTexts } from '../../i18n';

export function DashboardStep({ draft, onBack }: { draft: Catalog; onBack: () => void }) {
  const texts = useTexts();
  const { t } = texts;
  const client = useQueryClient();
  const navigate = useNavigate();
  const controls = useQuery({ queryKey: catalogKeys.controls(draft.id), queryFn: () => controlsOf(draft.id) });
  const [wanted, setWanted] = useState(!draft.dashboard_id);
  const [without, setWithout] = useState<ReadonlySet<number>>(new Set());
  const chosen = (controls.data ?? []).filter((control) => !without.has(control.id));
  const { form, submit, problem, busy } = useServerForm({
    schema: titleRules,
    defaults: { title: t('wizard.dashboardTitle', { name: draft.name }).slice(0, NAME_MAX) },
    send: async ({ title }) => {
      if (wanted) {
        try {
          await makeDashboard(draft, title, chosen);
        } catch (error) {
          throw new Error(t('wizard.dashboardFailed', { text: errorText(texts, error) }));
        }
      }
      await finalizeCatalog(draft.id);
      toast(t('wizard.created'));
      void navigate(`/app/catalogs/${draft.id}`);
      await Promise.all([catalogKeys.all, controlKeys.all, grafanaKeys.all].map((queryKey) => client.invalidateQueries({ queryKey })));
    },
  });
  const toggle = (id: number) => {
    const next = new Set(without);
    if (!next.delete(id)) next.add(id);
    setWithout(next);
  };
  return (
    <form onSubmit={(event) => void submit(event)} noValidate className="space-y-5">
      <Switch checked={wanted} onChange={setWanted} label={t('wizard.withDashboard')} hint={t('wizard.withDashboardText')} />
      {wanted && (
        <>
          <TextField form={form} name="title" label={t('dashboards.title')} required maxLength={100} />
          <fieldset>
            <legend className="mb-2 text-sm font-medium">{t('wizard.gauges')}</legend>
            <ul className="grid gap-2 sm:grid-cols-2">
              {(controls.data ?? []).map((control) => (
                <li key={control.id}>
                  <label className="flex items-center gap-3 rounded-lg border border-line px-3 py-2.5 text-sm">
                    <input type="checkbox" className="size-4 accent-accent" checked={!without.has(control.id)} onChange={() => toggle(control.id)} />
                    {control.name}
                  </label>
                </li>
              ))}
            </ul>
          </fieldset>
        </>
      )}
      <Problem text={problem} />
      <div className="flex justify-between gap-2 border-t border-line pt-4">
        <Button icon={ArrowLeft} onClick={onBack}>
          {t('wizard.previous')}
        </Button>
        <Button type="submit" look="primary" icon={Check} busy={busy}>
          {t('wizard.complete')}
        </Button>
      </div>
    </form>
  );
}

/** One that an earlier attempt made is used again: a second one of the same title would be refused. */
async function makeDashboard(draft: Catalog, title: string, controls: Control[]) {
  let uid = (await getCatalog(draft.id)).dashboard_id;
  if (!uid) {
    const made = await createDashboard({ name: title, startDate: draft.startDate, endDate: draft.endDate ?? undefined });
    uid = made.dashboard.uid;
    await updateCatalog(draft.id, { dashboard_id: uid });
  }
  for (const control of controls) {
    const { panelId } = await addGauge(uid, control.name, control.id);
    await linkPanel(control.id, panelId, uid);
  }
}

// First step: name, description, dates.

import { useQueryClient } from '@tanstack/react-query';
import { ArrowRight } from 'lucide-react';
import { catalogKeys, createDraft, updateCatalog } from '../../api/catalogs';
import type { Catalog } from '../../api/schema';
import { Button, LinkButton } from '../../components/Button';
import { dayInput, dayToIso } from '../../forms/dates';
import { AreaField, Problem, TextField } from '../../forms/fields';
import { catalogRules } from '../../forms/rules';
import { useServerForm } from '../../forms/useServerForm';
import { useTexts } from '../../i18n';

export function InfoStep({ draft, onDone }: { draft?: Catalog; onDone: (catalog: Catalog) => void }) {
  const { t } = useTexts();
  const client = useQueryClient();
  const { form, submit, problem, busy } = useServerForm({
    schema: catalogRules,
    defaults: { name: draft?.name ?? '', description: draft?.description ?? '', startDate: dayInput(draft?.startDate), endDate: dayInput(draft?.endDate) },
    send: async (values) => {
      const body = { ...values, startDate: dayToIso(values.startDate), endDate: dayToIso(values.endDate, 'end') };
      const catalog = draft ? await updateCatalog(draft.id, body) : await createDraft(body);
      client.setQueryData(catalogKeys.one(catalog.id), catalog);
      void client.invalidateQueries({ queryKey: catalogKeys.all, exact: true });
      onDone(catalog);
    },
  });
  return (
    <form onSubmit={(event) => void submit(event)} noValidate className="space-y-4">
      <TextField form={form} name="name" label={t('catalogs.name')} required maxLength={100} />
      <AreaField form={form} name="description" label={t('field.description')} required />
      <div className="grid gap-4 sm:grid-cols-2">
        <TextField form={form} name="startDate" type="date" label={t('field.start')} required />
        <TextField form={form} name="endDate" type="date" label={t('field.end')} required min={form.watch('startDate')} />
      </div>
      <Problem text={problem} />
      <div className="flex justify-between gap-2 pt-2">
        <LinkButton to="/app/catalogs">{t('action.cancel')}</LinkButton>
        <Button type="submit" look="primary" busy={busy}>
          {t('wizard.next')}
          <ArrowRight className="size-4" aria-hidden />
        </Button>
      </div>
    </form>
  );
}

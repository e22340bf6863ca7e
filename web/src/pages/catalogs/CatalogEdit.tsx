// Changes the name, description and dates of a catalog.

import { useQueryClient } from '@tanstack/react-query';
import { catalogKeys, updateCatalog } from '../../api/catalogs';
import type { Catalog } from '../../api/schema';
import { Modal } from '../../components/Modal';
import { toast } from '../../components/toasts';
import { dayInput, dayToIso } from '../../forms/dates';
import { FormActions } from '../../forms/FormActions';
import { AreaField, TextField } from '../../forms/fields';
import { catalogRules } from '../../forms/rules';
import { useServerForm } from '../../forms/useServerForm';
import { useTexts } from '../../i18n';

export function CatalogEdit({ catalog, onClose }: { catalog: Catalog; onClose: () => void }) {
  const { t } = useTexts();
  const client = useQueryClient();
  const { form, submit, problem, busy } = useServerForm({
    schema: catalogRules,
    defaults: {
      name: catalog.name,
      description: catalog.description ?? '',
      startDate: dayInput(catalog.startDate),
      endDate: dayInput(catalog.endDate),
    },
    send: async (values) => {
      // A day that was not touched keeps its time.
      const startDate = values.startDate === dayInput(catalog.startDate) ? catalog.startDate : dayToIso(values.startDate);
      const endDate = values.endDate === dayInput(catalog.endDate) ? catalog.endDate : dayToIso(values.endDate, 'end');
      await updateCatalog(catalog.id, { name: values.name, description: values.description, startDate, endDate });
      await client.invalidateQueries({ queryKey: catalogKeys.all });
      toast(t('catalogs.saved'));
      onClose();
    },
  });
  return (
    <Modal open onClose={onClose} title={t('catalogs.edit')}>
      <form onSubmit={(event) => void submit(event)} noValidate className="space-y-4">
        <TextField form={form} name="name" label={t('catalogs.name')} required maxLength={100} />
        <AreaField form={form} name="description" label={t('field.description')} required />
        <div className="grid gap-4 sm:grid-cols-2">
          <TextField form={form} name="startDate" type="date" label={t('field.start')} required />
          <TextField form={form} name="endDate" type="date" label={t('field.end')} required min={form.watch('startDate')} />
        </div>
        <FormActions problem={problem} busy={busy} label={t('action.save')} onCancel={onClose} />
      </form>
    </Modal>
  );
}

// Makes folders and dashboards.

import { useQueryClient } from '@tanstack/react-query';
import { createDashboard, createFolder, grafanaKeys, type Found } from '../../api/grafana';
import { Modal } from '../../components/Modal';
import { toast } from '../../components/toasts';
import { dayToIso, today } from '../../forms/dates';
import { FormActions } from '../../forms/FormActions';
import { AreaField, SelectField, TextField } from '../../forms/fields';
import { dashboardRules, folderRules } from '../../forms/rules';
import { useServerForm } from '../../forms/useServerForm';
import { useTexts } from '../../i18n';

export function FolderForm({ folders, parentUid, onClose }: { folders: Found[]; parentUid: string; onClose: () => void }) {
  const { t } = useTexts();
  const client = useQueryClient();
  const { form, submit, problem, busy } = useServerForm({
    schema: folderRules,
    defaults: { title: '', description: '', parentUid },
    send: async (values) => {
      await createFolder({ title: values.title, description: values.description || undefined, parentUid: values.parentUid || undefined });
      await client.invalidateQueries({ queryKey: grafanaKeys.search });
      toast(t('dashboards.folderCreated'));
      onClose();
    },
  });
  return (
    <Modal open onClose={onClose} title={t('dashboards.newFolder')}>
      <form onSubmit={(event) => void submit(event)} noValidate className="space-y-4">
        <TextField form={form} name="title" label={t('dashboards.title')} required maxLength={100} />
        <AreaField form={form} name="description" label={t('field.description')} rows={2} />
        <SelectField form={form} name="parentUid" label={t('dashboards.parent')} placeholder={t('dashboards.noParent')} options={folders.map((folder) => [folder.uid, folder.title] as const)} />
        <FormActions problem={problem} busy={busy} label={t('action.create')} onCancel={onClose} />
      </form>
    </Modal>
  );
}

export function DashboardForm({ folders, folderUid, onClose }: { folders: Found[]; folderUid: string; onClose: () => void }) {
  const { t } = useTexts();
  const client = useQueryClient();
  const { form, submit, problem, busy } = useServerForm({
    schema: dashboardRules,
    defaults: { title: '', folderUid, startDate: today(), endDate: '' },
    words: { title: ['name'] },
    send: async (values) => {
      await createDashboard({
        name: values.title,
        folderId: values.folderUid || undefined,
        startDate: values.startDate ? dayToIso(values.startDate) : undefined,
        endDate: values.endDate ? dayToIso(values.endDate, 'end') : undefined,
      });
      await client.invalidateQueries({ queryKey: grafanaKeys.search });
      toast(t('dashboards.created'));
      onClose();
    },
  });
  return (
    <Modal open onClose={onClose} title={t('dashboards.new')}>
      <form onSubmit={(event) => void submit(event)} noValidate className="space-y-4">
        <TextField form={form} name="title" label={t('dashboards.title')} required maxLength={100} />
        <SelectField form={form} name="folderUid" label={t('dashboards.folder')} placeholder={t('dashboards.general')} options={folders.map((folder) => [folder.uid, folder.title] as const)} />
        <div className="grid gap-4 sm:grid-cols-2">
          <TextField form={form} name="startDate" type="date" label={t('field.start')} />
          <TextField form={form} name="endDate" type="date" label={t('field.end')} min={form.watch('startDate')} />
        </div>
        <p className="text-[0.8125rem] text-muted">{t('dashboards.dates')}</p>
        <FormActions problem={problem} busy={busy} label={t('action.create')} onCancel={onClose} />
      </form>
    </Modal>
  );
}

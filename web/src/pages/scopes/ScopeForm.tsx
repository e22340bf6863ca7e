// Makes or changes a scope.

import { useQueryClient } from '@tanstack/react-query';
import { createScope, scopeKeys, updateScope } from '../../api/scopes';
import type { Scope } from '../../api/schema';
import { Modal } from '../../components/Modal';
import { toast } from '../../components/toasts';
import { FormActions } from '../../forms/FormActions';
import { AreaField, SelectField, TextField } from '../../forms/fields';
import { scopeRules } from '../../forms/rules';
import { useServerForm } from '../../forms/useServerForm';
import { useTexts } from '../../i18n';

const TYPES = ['string', 'number', 'boolean'] as const;

export function ScopeForm({ scope, onClose }: { scope?: Scope; onClose: () => void }) {
  const { t } = useTexts();
  const client = useQueryClient();
  const { form, submit, problem, busy } = useServerForm({
    schema: scopeRules,
    defaults: {
      name: scope?.name ?? '',
      description: scope?.description ?? '',
      type: TYPES.find((type) => type === scope?.type) ?? 'string',
      default: scope?.default ?? '*',
    },
    send: async (values) => {
      if (scope) await updateScope(scope.id, values);
      else await createScope(values);
      await client.invalidateQueries({ queryKey: scopeKeys.all });
      toast(t('scopes.saved'));
      onClose();
    },
  });
  return (
    <Modal open onClose={onClose} title={scope ? t('scopes.edit') : t('scopes.new')}>
      <form onSubmit={(event) => void submit(event)} noValidate className="space-y-4">
        <TextField form={form} name="name" label={t('field.name')} hint={t('form.scopeName')} required autoCapitalize="none" spellCheck={false} />
        <AreaField form={form} name="description" label={t('field.description')} required />
        <div className="grid gap-4 sm:grid-cols-2">
          <SelectField form={form} name="type" label={t('field.type')} required options={TYPES.map((type) => [type, t(`scopes.${type}`)] as const)} />
          <TextField form={form} name="default" label={t('scopes.default')} hint={t('scopes.defaultHint')} required />
        </div>
        <FormActions problem={problem} busy={busy} label={t('action.save')} onCancel={onClose} />
      </form>
    </Modal>
  );
}

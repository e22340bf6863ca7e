// Makes or changes a scope set.

import { useQuery, useQueryClient } from '@tanstack/react-query';
import { createScopeSet, listScopes, scopeKeys, updateScopeSet } from '../../api/scopes';
import type { Control, ScopeSet } from '../../api/schema';
import { Modal } from '../../components/Modal';
import { toast } from '../../components/toasts';
import { FormActions } from '../../forms/FormActions';
import { SelectField } from '../../forms/fields';
import { toMap, toPairs } from '../../forms/pairs';
import { PairsField } from '../../forms/PairsField';
import { scopeSetRules } from '../../forms/rules';
import { useServerForm } from '../../forms/useServerForm';
import { isKey, useTexts } from '../../i18n';

interface Props {
  set?: ScopeSet;
  /** One: it is not asked for. */
  controls: Control[];
  onClose: () => void;
}

export function ScopeSetForm({ set, controls, onClose }: Props) {
  const { t } = useTexts();
  const client = useQueryClient();
  const scopes = useQuery({ queryKey: scopeKeys.all, queryFn: listScopes });
  const only = controls.length === 1 ? controls[0] : undefined;
  const { form, submit, problem, busy } = useServerForm({
    schema: scopeSetRules,
    defaults: { controlId: set ? String(set.controlId) : only ? String(only.id) : '', scopes: toPairs(set?.scopes) },
    send: async (values) => {
      if (set) await updateScopeSet(set._id, toMap(values.scopes));
      else await createScopeSet(Number(values.controlId), toMap(values.scopes));
      await client.invalidateQueries({ queryKey: scopeKeys.sets });
      toast(t('sets.saved'));
      onClose();
    },
  });
  const wrong = form.formState.errors.scopes?.message;
  return (
    <Modal open onClose={onClose} title={set ? t('sets.edit') : t('sets.new')} description={t('sets.formText')}>
      <form onSubmit={(event) => void submit(event)} noValidate className="space-y-4">
        {!set && !only && (
          <SelectField form={form} name="controlId" label={t('field.control')} required placeholder={t('pairs.choose')} options={controls.map((control) => [String(control.id), control.name] as const)} />
        )}
        <PairsField
          label={t('nav.scopes')}
          hint={t('sets.hint')}
          names={(scopes.data ?? []).map((scope) => scope.name)}
          pairs={form.watch('scopes')}
          onChange={(pairs) => form.setValue('scopes', pairs, { shouldDirty: true, shouldValidate: true })}
          error={wrong && isKey(wrong) ? t(wrong) : wrong}
        />
        <FormActions problem={problem} busy={busy} label={t('action.save')} onCancel={onClose} />
      </form>
    </Modal>
  );
}

// Makes a secret, or changes its name, type or value.

import { useQueryClient } from '@tanstack/react-query';
import { statusOf } from '../../api/error';
import { createSecret, SECRET_TYPES, secretKeys, updateSecret } from '../../api/secrets';
import type { Secret } from '../../api/schema';
import { Modal } from '../../components/Modal';
import { toast } from '../../components/toasts';
import { FormActions } from '../../forms/FormActions';
import { PasswordField, SelectField, TextField } from '../../forms/fields';
import { newSecretRules, secretRules } from '../../forms/rules';
import { useServerForm } from '../../forms/useServerForm';
import { useTexts } from '../../i18n';

interface Props {
  secret?: Secret;
  onCreated: (secret: Secret) => void;
  onClose: () => void;
}

export function SecretForm({ secret, onCreated, onClose }: Props) {
  const { t } = useTexts();
  const client = useQueryClient();
  const { form, submit, problem, busy } = useServerForm({
    schema: secret ? secretRules : newSecretRules,
    defaults: { name: secret?.name ?? '', type: SECRET_TYPES.find((type) => type === secret?.type) ?? (secret ? 'OTHER' : 'API_KEY'), value: '' },
    say: (error) => (statusOf(error) === 409 ? t('secrets.taken') : undefined),
    words: { name: [t('secrets.taken')] },
    send: async ({ name, type, value }) => {
      if (secret) await updateSecret(secret.id, { name, type, ...(value ? { value } : {}) });
      else onCreated(await createSecret({ name, type, value }));
      await client.invalidateQueries({ queryKey: secretKeys.all });
      if (secret) toast(t('secrets.saved'));
      onClose();
    },
  });
  return (
    <Modal open onClose={onClose} title={secret ? t('secrets.edit') : t('secrets.new')}>
      <form onSubmit={(event) => void submit(event)} noValidate className="space-y-4">
        <TextField form={form} name="name" label={t('field.name')} required maxLength={100} autoComplete="off" spellCheck={false} />
        <SelectField form={form} name="type" label={t('field.type')} required options={SECRET_TYPES.map((type) => [type, t(`secrets.${type}`)] as const)} />
        <PasswordField
          form={form}
          name="value"
          label={secret ? t('secrets.newValue') : t('field.value')}
          hint={secret ? t('secrets.keepHint') : undefined}
          required={!secret}
          autoComplete="off"
          spellCheck={false}
        />
        <FormActions problem={problem} busy={busy} label={t('action.save')} onCancel={onClose} />
      </form>
    </Modal>
  );
}

// Makes an account.

import { useQueryClient } from '@tanstack/react-query';
import { createUser, userKeys } from '../../api/users';
import { Modal } from '../../components/Modal';
import { toast } from '../../components/toasts';
import { FormActions } from '../../forms/FormActions';
import { PasswordField, SelectField, TextField } from '../../forms/fields';
import { userRules } from '../../forms/rules';
import { useServerForm } from '../../forms/useServerForm';
import { useTexts } from '../../i18n';

const ROLES = ['USER', 'DEVELOPER', 'ADMIN'] as const;

export function UserForm({ onClose }: { onClose: () => void }) {
  const { t } = useTexts();
  const client = useQueryClient();
  const { form, submit, problem, busy } = useServerForm({
    schema: userRules,
    defaults: { username: '', email: '', password: '', authority: 'USER' },
    send: async (values) => {
      await createUser(values);
      await client.invalidateQueries({ queryKey: userKeys.all });
      toast(t('users.created', { name: values.username }));
      onClose();
    },
  });
  return (
    <Modal open onClose={onClose} title={t('users.new')}>
      <form onSubmit={(event) => void submit(event)} noValidate className="space-y-4">
        <TextField form={form} name="username" label={t('signIn.username')} required maxLength={60} autoComplete="off" autoCapitalize="none" spellCheck={false} />
        <TextField form={form} name="email" type="email" label={t('profile.email')} required maxLength={100} autoComplete="off" />
        <PasswordField form={form} name="password" label={t('signIn.password')} hint={t('form.password')} required autoComplete="new-password" />
        <SelectField form={form} name="authority" label={t('profile.role')} hint={t('users.roleHint')} required options={ROLES.map((role) => [role, t(`role.${role}`)] as const)} />
        <FormActions problem={problem} busy={busy} label={t('action.create')} onCancel={onClose} />
      </form>
    </Modal>
  );
}

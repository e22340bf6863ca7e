// The dialogs that switch a second factor on and off.

import { useMutation } from '@tanstack/react-query';
import { useEffect } from 'react';
import { statusOf } from '../../api/error';
import { disableSecondFactor, setUpSecondFactor, verifySecondFactor } from '../../api/users';
import { Button } from '../../components/Button';
import { Modal } from '../../components/Modal';
import { Failed, Loading } from '../../components/States';
import { FormActions } from '../../forms/FormActions';
import { CodeField, PasswordField, Problem } from '../../forms/fields';
import { codeRules, disableRules } from '../../forms/rules';
import { useServerForm } from '../../forms/useServerForm';
import { useTexts } from '../../i18n';

interface StepProps {
  onDone: () => Promise<void>;
  onClose: () => void;
}

export function Enable({ onDone, onClose }: StepProps) {
  const { t } = useTexts();
  const setup = useMutation({ mutationFn: setUpSecondFactor });
  const { mutate } = setup;
  useEffect(() => mutate(), [mutate]);
  const { form, submit, problem, busy } = useServerForm({
    schema: codeRules,
    defaults: { totpToken: '' },
    say: (error) => (statusOf(error) === 401 ? t('twofa.invalid') : undefined),
    words: { totpToken: [t('twofa.invalid')] },
    send: async ({ totpToken }) => {
      await verifySecondFactor(totpToken);
      await onDone();
    },
  });
  return (
    <Modal open onClose={onClose} title={t('twofa.enable')} description={t('twofa.scan')}>
      {setup.isError ? (
        <Failed error={setup.error} retry={() => mutate()} />
      ) : setup.data ? (
        <form onSubmit={(event) => void submit(event)} noValidate className="space-y-4">
          <img src={setup.data.qrCode} alt={t('twofa.qr')} className="mx-auto size-52 rounded-lg bg-white p-2" />
          <CodeField form={form} name="totpToken" label={t('signIn.code')} required autoFocus />
          <Problem text={problem} />
          <div className="flex justify-end gap-2">
            <Button onClick={onClose}>{t('action.cancel')}</Button>
            <Button type="submit" look="primary" busy={busy}>
              {t('signIn.confirm')}
            </Button>
          </div>
        </form>
      ) : (
        <Loading rows={3} />
      )}
    </Modal>
  );
}

export function Disable({ onDone, onClose }: StepProps) {
  const { t } = useTexts();
  const { form, submit, problem, busy } = useServerForm({
    schema: disableRules,
    defaults: { password: '', totpToken: '' },
    words: { totpToken: ['2fa', 'code'] },
    send: async ({ password, totpToken }) => {
      await disableSecondFactor(password, totpToken);
      await onDone();
    },
  });
  return (
    <Modal open onClose={onClose} title={t('twofa.disable')} description={t('twofa.disableText')}>
      <form onSubmit={(event) => void submit(event)} noValidate className="space-y-4">
        <PasswordField form={form} name="password" label={t('signIn.password')} required autoComplete="current-password" />
        <CodeField form={form} name="totpToken" label={t('signIn.code')} required />
        <FormActions problem={problem} busy={busy} label={t('twofa.disable')} onCancel={onClose} />
      </form>
    </Modal>
  );
}

// Signs in to Node-RED, whose accounts are its own.

import { useQueryClient } from '@tanstack/react-query';
import { Plug } from 'lucide-react';
import { isOffline, statusOf } from '../../api/error';
import { flowKeys, signInToNodeRed } from '../../api/node-red';
import { useUser } from '../../app/session';
import { Button } from '../../components/Button';
import { Section } from '../../components/Card';
import { PasswordField, Problem, TextField } from '../../forms/fields';
import { signInRules } from '../../forms/rules';
import { useServerForm } from '../../forms/useServerForm';
import { useTexts } from '../../i18n';

export function Connect() {
  const { t } = useTexts();
  const user = useUser();
  const client = useQueryClient();
  const { form, submit, problem, busy } = useServerForm({
    schema: signInRules,
    defaults: { username: user.username, password: '' },
    say: (error) =>
      [400, 401, 403].includes(statusOf(error)) ? t('nodeRed.refused') : isOffline(error) && navigator.onLine ? t('state.unreachable', { service: t('service.nodeRed') }) : undefined,
    words: { password: [t('nodeRed.refused')] },
    send: async ({ username, password }) => {
      await signInToNodeRed(username, password);
      await client.invalidateQueries({ queryKey: flowKeys.all });
    },
  });
  return (
    <Section title={t('nodeRed.connect')} description={t('nodeRed.connectText')} className="max-w-lg">
      <form onSubmit={(event) => void submit(event)} noValidate className="space-y-4">
        <TextField form={form} name="username" label={t('signIn.username')} required autoComplete="off" autoCapitalize="none" spellCheck={false} />
        <PasswordField form={form} name="password" label={t('signIn.password')} required autoComplete="off" />
        <Problem text={problem} />
        <Button type="submit" look="primary" icon={Plug} busy={busy}>
          {t('nodeRed.connect')}
        </Button>
      </form>
    </Section>
  );
}

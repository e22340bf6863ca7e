// Changes how many assistants there may be.

import { useQueryClient } from '@tanstack/react-query';
import { configurationKeys, setAssistantLimit } from '../../api/configuration';
import { Button } from '../../components/Button';
import { toast } from '../../components/toasts';
import { Problem, TextField } from '../../forms/fields';
import { limitRules } from '../../forms/rules';
import { useServerForm } from '../../forms/useServerForm';
import { useTexts } from '../../i18n';

export function LimitForm({ present }: { present: number }) {
  const { t } = useTexts();
  const client = useQueryClient();
  const { form, submit, problem, busy } = useServerForm({
    schema: limitRules,
    defaults: { limit: String(present) },
    send: async ({ limit }) => {
      await setAssistantLimit(Number(limit));
      await client.invalidateQueries({ queryKey: configurationKeys.limit });
      toast(t('config.saved'));
    },
  });
  return (
    <form onSubmit={(event) => void submit(event)} noValidate className="space-y-4">
      <TextField form={form} name="limit" label={t('config.limit')} required inputMode="numeric" />
      <Problem text={problem} />
      <Button type="submit" busy={busy}>
        {t('action.save')}
      </Button>
    </form>
  );
}

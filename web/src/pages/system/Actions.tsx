// To start, stop and restart a service, after a question.

import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Play, RotateCw, Square, type LucideIcon } from 'lucide-react';
import { useState } from 'react';
import type { SystemService } from '../../api/schema';
import { change, needsForce, systemKeys, type Action } from '../../api/system';
import { Confirm } from '../../components/Modal';
import { toast } from '../../components/toasts';
import { useTexts } from '../../i18n';

export const ACTION_ICONS: Record<Action, LucideIcon> = { start: Play, stop: Square, restart: RotateCw };

/** Asks before it is done; `question` belongs somewhere on the page. */
export function useActions() {
  const { t } = useTexts();
  const client = useQueryClient();
  const [asked, setAsked] = useState<{ service: SystemService; action: Action }>();
  const act = useMutation({
    mutationFn: ({ service, action }: { service: SystemService; action: Action }) => change(service, action),
    onSuccess: ({ outcome, notes }, { service: { name }, action }) => {
      const said = outcome === 'under-way' ? t('stack.underWay', { name }) : outcome === 'already-so' ? t('stack.alreadySo', { name }) : t(`acted.${action}`, { name });
      toast([said, ...notes].join(' '), outcome === 'done' ? 'good' : 'info');
    },
    onSettled: () => client.invalidateQueries({ queryKey: systemKeys.all }),
  });
  const ask = (service: SystemService, action: Action) => setAsked({ service, action });
  const { service, action = 'start' } = asked ?? {};
  const name = service?.name ?? '';
  const cutOff = service && needsForce(service, action);
  const question = (
    <Confirm
      open={asked !== undefined}
      onClose={() => setAsked(undefined)}
      title={t(`ask.${action}`, { name })}
      text={
        <>
          {t(`askText.${action}`)}
          {cutOff && <strong className="mt-2 block font-medium text-bad">{t(action === 'stop' ? 'stack.cutOffStop' : 'stack.cutOff', { name })}</strong>}
        </>
      }
      action={t(`act.${action}`)}
      onConfirm={async () => asked && act.mutateAsync(asked)}
    />
  );
  return { ask, question };
}

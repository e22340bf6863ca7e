// Whether a second factor protects the account, and the way to change that.

import { useQuery, useQueryClient } from '@tanstack/react-query';
import { ShieldCheck, ShieldOff } from 'lucide-react';
import { useState } from 'react';
import { secondFactor, userKeys } from '../../api/users';
import { Badge } from '../../components/Badge';
import { Button } from '../../components/Button';
import { Section } from '../../components/Card';
import { later } from '../../components/later';
import { Loaded } from '../../components/States';
import { toast } from '../../components/toasts';
import { useTexts } from '../../i18n';

const Enable = later(async () => (await import('./second-factor-dialogs')).Enable);
const Disable = later(async () => (await import('./second-factor-dialogs')).Disable);

export function SecondFactor() {
  const { t } = useTexts();
  const client = useQueryClient();
  const query = useQuery({ queryKey: userKeys.secondFactor, queryFn: secondFactor });
  const [open, setOpen] = useState<'enable' | 'disable'>();
  const done = async (text: string) => {
    toast(text);
    await client.invalidateQueries({ queryKey: userKeys.secondFactor });
    setOpen(undefined);
  };
  return (
    <Section title={t('twofa.title')} description={t('twofa.text')}>
      <Loaded query={query} rows={2}>
        {({ twofa_enabled: on }) => {
          const Icon = on ? ShieldCheck : ShieldOff;
          return (
            <div className="flex flex-wrap items-center gap-4">
              <span className={`grid size-11 shrink-0 place-items-center rounded-full ${on ? 'bg-good-soft text-good' : 'bg-raised text-muted'}`}>
                <Icon className="size-5" aria-hidden />
              </span>
              <div className="min-w-0 flex-1 basis-48">
                <Badge tone={on ? 'good' : 'neutral'}>{on ? t('twofa.on') : t('twofa.off')}</Badge>
                <p className="mt-1 text-sm text-muted">{on ? t('twofa.onText') : t('twofa.offText')}</p>
              </div>
              {on ? (
                <Button look="danger" onClick={() => setOpen('disable')}>
                  {t('twofa.disable')}
                </Button>
              ) : (
                <Button look="primary" onClick={() => setOpen('enable')}>
                  {t('twofa.enable')}
                </Button>
              )}
            </div>
          );
        }}
      </Loaded>
      {open === 'enable' && <Enable onDone={() => done(t('twofa.enabled'))} onClose={() => setOpen(undefined)} />}
      {open === 'disable' && <Disable onDone={() => done(t('twofa.disabled'))} onClose={() => setOpen(undefined)} />}
    </Section>
  );
}

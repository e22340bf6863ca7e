// The value of a new secret, for the only time.

import { Check, Copy } from 'lucide-react';
import { useState } from 'react';
import type { Secret } from '../../api/schema';
import { Button } from '../../components/Button';
import { Modal } from '../../components/Modal';
import { useTexts } from '../../i18n';

export function ShownOnce({ secret, onClose }: { secret: Secret; onClose: () => void }) {
  const { t } = useTexts();
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(secret.value);
    setCopied(true);
  };
  return (
    <Modal open onClose={onClose} title={t('secrets.shownOnce')} description={t('secrets.shownOnceText', { name: secret.name })}>
      <div className="flex items-center gap-2 rounded-lg bg-raised p-3">
        <code className="min-w-0 flex-1 text-sm break-all">{secret.value}</code>
        <Button size="sm" icon={copied ? Check : Copy} onClick={() => void copy()}>
          <span aria-live="polite">{copied ? t('action.copied') : t('action.copy')}</span>
        </Button>
      </div>
      <div className="mt-6 flex justify-end">
        <Button look="primary" onClick={onClose}>
          {t('secrets.done')}
        </Button>
      </div>
    </Modal>
  );
}

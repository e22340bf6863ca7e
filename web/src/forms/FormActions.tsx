// The end of a form in a dialog: what the server refused, the way out and the way on.

import { Button } from '../components/Button';
import { useTexts } from '../i18n';
import { Problem } from './fields';

export function FormActions({ problem, busy, label, onCancel }: { problem: Parameters<typeof Problem>[0]['text']; busy: boolean; label: string; onCancel: () => void }) {
  const { t } = useTexts();
  return (
    <>
      <Problem text={problem} />
      <div className="flex justify-end gap-2 pt-2">
        <Button onClick={onCancel}>{t('action.cancel')}</Button>
        <Button type="submit" look="primary" busy={busy}>
          {label}
        </Button>
      </div>
    </>
  );
}

// Shows the short messages, and reads them out. At the top: the buttons of forms and tables are further down.

import { CircleCheck, Info, TriangleAlert, X } from 'lucide-react';
import { useSyncExternalStore } from 'react';
import { useTexts } from '../i18n';
import { IconButton } from './Button';
import { closeToast, currentToasts, onToasts, type Toast } from './toasts';

const ICONS = { good: CircleCheck, bad: TriangleAlert, info: Info };
const TONES: Record<Toast['tone'], string> = { good: 'text-good', bad: 'text-bad', info: 'text-info' };

export function Toaster() {
  const { t } = useTexts();
  const toasts = useSyncExternalStore(onToasts, currentToasts);
  return (
    <section
      aria-label={t('toast.region')}
      aria-live="polite"
      className="pointer-events-none fixed inset-x-4 top-3 z-[60] flex flex-col gap-2 sm:left-1/2 sm:w-96 sm:-translate-x-1/2"
    >
      {toasts.map(({ id, tone, text }) => {
        const Icon = ICONS[tone];
        return (
          <div
            key={id}
            className="pointer-events-auto flex w-full items-center gap-3 rounded-xl border border-line bg-surface py-1 pr-1.5 pl-4 shadow-xl"
          >
            <Icon className={`size-5 shrink-0 ${TONES[tone]}`} aria-hidden />
            <p className="min-w-0 flex-1 py-1.5 text-sm break-words">{text}</p>
            <IconButton icon={X} label={t('action.close')} onClick={() => closeToast(id)} />
          </div>
        );
      })}
    </section>
  );
}

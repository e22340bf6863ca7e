// A picture of the application, drawn from its own parts. Says nothing to readers that the text beside it does not.

import { Result } from '../../components/Badge';
import { colourOf } from '../../charts/Meter';
import { useTexts } from '../../i18n';

const ROWS: [name: 'landing.rowPrivacy' | 'landing.rowAccess' | 'landing.rowAudit', share: number, met: boolean][] = [
  ['landing.rowPrivacy', 0.96, true],
  ['landing.rowAccess', 0.88, true],
  ['landing.rowAudit', 0.41, false],
];

export function Preview() {
  const { t, percent } = useTexts();
  return (
    <div aria-hidden className="relative">
      <div className="absolute -inset-3 -z-10 rounded-3xl bg-accent-soft sm:-inset-x-6 sm:-inset-y-8 sm:rounded-[2.5rem]" />
      <div className="rounded-2xl border border-line bg-surface p-5 shadow-xl sm:p-6">
        <div className="flex items-baseline justify-between">
          <p className="font-semibold">{t('landing.previewTitle')}</p>
          <p className="text-sm text-muted">{t('landing.previewTime')}</p>
        </div>
        <svg viewBox="0 0 400 110" className="mt-4 w-full">
          {[10, 50, 90].map((y) => (
            <line key={y} x1="0" x2="400" y1={y} y2={y} stroke="var(--line)" />
          ))}
          <path d="M0,84 L57,70 L114,76 L171,48 L228,52 L285,30 L342,36 L400,16 L400,104 L0,104 Z" fill="var(--accent)" opacity="0.09" />
          <path d="M0,84 L57,70 L114,76 L171,48 L228,52 L285,30 L342,36 L400,16" fill="none" stroke="var(--accent)" strokeWidth="2.5" strokeLinejoin="round" />
        </svg>
        <ul className="mt-3 divide-y divide-line">
          {ROWS.map(([name, share, met]) => (
            <li key={name} className="grid grid-cols-[1fr_auto] items-center gap-x-4 gap-y-2 py-3 sm:grid-cols-[1fr_8rem_6.5rem]">
              <span className="text-sm font-medium">{t(name)}</span>
              <span className="flex items-center gap-2 max-sm:order-3 max-sm:col-span-2">
                <span className="h-2 flex-1 overflow-hidden rounded-full bg-raised">
                  <span className="block h-full rounded-full" style={{ width: percentText(share), background: colourOf(share) }} />
                </span>
                <span className="text-xs tabular-nums text-muted">{percent(share)}</span>
              </span>
              <Result value={met} />
            </li>
          ))}
        </ul>
      </div>
    </div>
  );
}

const percentText = (share: number) => `${share * 100}%`;

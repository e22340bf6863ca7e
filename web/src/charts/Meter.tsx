// A share as a bar or a ring, always with its number.

import { useTexts } from '../i18n';

/** From here on compliance is good, from there on it is worth a look. */
const GOOD = 0.8;
const FAIR = 0.5;

export function colourOf(share: number | undefined): string {
  if (share === undefined) return 'var(--line-strong)';
  return share >= GOOD ? 'var(--good)' : share >= FAIR ? 'var(--warn)' : 'var(--bad)';
}

export function Meter({ share, label }: { share: number | undefined; label: string }) {
  const { t, percent } = useTexts();
  if (share === undefined) return <span className="text-sm text-muted">{t('compliance.none')}</span>;
  return (
    <div className="flex min-h-6 items-center gap-3">
      <div
        role="meter"
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.round(share * 100)}
        aria-valuetext={percent(share)}
        className="h-2 flex-1 overflow-hidden rounded-full bg-raised"
      >
        <div className="h-full rounded-full" style={{ width: `${share * 100}%`, background: colourOf(share) }} />
      </div>
      <span className="w-11 text-right text-sm font-semibold tabular-nums">{percent(share)}</span>
    </div>
  );
}

export function Ring({ share, label, size = 120 }: { share: number | undefined; label: string; size?: number }) {
  const { percent } = useTexts();
  const radius = 52;
  const length = 2 * Math.PI * radius;
  const said = share === undefined ? '–' : percent(share);
  return (
    <svg viewBox="0 0 120 120" width={size} height={size} role="img" aria-label={`${label}: ${said}`}>
      <circle cx="60" cy="60" r={radius} fill="none" stroke="var(--raised)" strokeWidth="11" />
      <circle
        cx="60"
        cy="60"
        r={radius}
        fill="none"
        stroke={colourOf(share)}
        strokeWidth="11"
        // A round end of nothing would be a dot.
        strokeLinecap={share ? 'round' : 'butt'}
        strokeDasharray={`${length * (share ?? 0)} ${length}`}
        transform="rotate(-90 60 60)"
      />
      <text x="60" y="60" textAnchor="middle" dy="0.35em" fontSize={said.length > 4 ? 22 : 25} fontWeight="650" fill="var(--ink)">
        {said}
      </text>
    </svg>
  );
}

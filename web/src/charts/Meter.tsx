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
  return (
    <div className="flex items-center gap-3">
      <div
        role="meter"
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={share === undefined ? 0 : Math.round(share * 100)}
        aria-valuetext={share === undefined ? t('compliance.none') : percent(share)}
        className="h-2 flex-1 overflow-hidden rounded-full bg-raised"
      >
        <div className="h-full rounded-full" style={{ width: `${(share ?? 0) * 100}%`, background: colourOf(share) }} />
      </div>
      <span className="w-11 text-right text-sm font-semibold tabular-nums">{share === undefined ? '–' : percent(share)}</span>
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
        strokeLinecap="round"
        strokeDasharray={`${length * (share ?? 0)} ${length}`}
        transform="rotate(-90 60 60)"
      />
      <text x="60" y="60" textAnchor="middle" dy="0.35em" fontSize="25" fontWeight="650" fill="var(--ink)">
        {said}
      </text>
    </svg>
  );
}

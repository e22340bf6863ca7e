// Met and failed per day, one above the other. For readers a table with the same numbers.

import { useTexts } from '../i18n';
import type { Bar } from './compliance';
import { ticks } from './scale';
import { useWidth } from './useWidth';

const EDGE = { top: 12, right: 8, bottom: 28, left: 34 };
/** Wider ones look like blocks. */
const WIDEST = 44;

export function BarChart({ label, bars, height = 200 }: { label: string; bars: Bar[]; height?: number }) {
  const { t, day } = useTexts();
  const [ref, width] = useWidth<HTMLDivElement>();
  const most = Math.max(1, ...bars.map((bar) => bar.met + bar.failed));
  const inner = height - EDGE.top - EDGE.bottom;
  const slot = (width - EDGE.left - EDGE.right) / Math.max(1, bars.length);
  const wide = Math.min(WIDEST, slot * 0.7);
  const tall = (value: number) => (value / most) * inner;
  const every = Math.max(1, Math.ceil(bars.length / Math.max(1, Math.floor(width / 110))));
  return (
    <figure>
      <div ref={ref}>
        <svg width={width} height={height} role="img" aria-label={label} className="block max-w-full">
          {ticks({ min: 0, max: most }, 3)
            .filter(Number.isInteger)
            .map((value) => (
              <g key={value}>
                <line x1={EDGE.left} x2={width - EDGE.right} y1={height - EDGE.bottom - tall(value)} y2={height - EDGE.bottom - tall(value)} stroke="var(--line)" />
                <text x={EDGE.left - 8} y={height - EDGE.bottom - tall(value)} dy="0.32em" textAnchor="end" fontSize="11" fill="var(--muted)">
                  {value}
                </text>
              </g>
            ))}
          {bars.map((bar, index) => {
            const x = EDGE.left + slot * index + (slot - wide) / 2;
            const base = height - EDGE.bottom;
            return (
              <g key={bar.day}>
                <title>{`${day(bar.day)}: ${t('chart.met', { n: bar.met })}, ${t('chart.failed', { n: bar.failed })}`}</title>
                <rect x={x} width={wide} y={base - tall(bar.met)} height={tall(bar.met)} fill="var(--good)" rx="2" />
                <rect x={x} width={wide} y={base - tall(bar.met + bar.failed)} height={tall(bar.failed)} fill="var(--bad)" rx="2" />
                {index % every === 0 && (
                  <text x={x + wide / 2} y={height - 8} fontSize="11" fill="var(--muted)" textAnchor="middle">
                    {day(bar.day)}
                  </text>
                )}
              </g>
            );
          })}
        </svg>
      </div>
      <figcaption className="mt-2 flex gap-4 text-xs text-muted">
        <span className="inline-flex items-center gap-1.5">
          <span className="size-2 rounded-full bg-good" />
          {t('result.met')}
        </span>
        <span className="inline-flex items-center gap-1.5">
          <span className="size-2 rounded-full bg-bad" />
          {t('result.failed')}
        </span>
      </figcaption>
      <table className="sr-only">
        <caption>{label}</caption>
        <thead>
          <tr>
            <th scope="col">{t('chart.time')}</th>
            <th scope="col">{t('result.met')}</th>
            <th scope="col">{t('result.failed')}</th>
          </tr>
        </thead>
        <tbody>
          {bars.map((bar) => (
            <tr key={bar.day}>
              <td>{day(bar.day)}</td>
              <td>{bar.met}</td>
              <td>{bar.failed}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </figure>
  );
}

// Values over time, a line each. For readers a table with the same numbers.

import { useState } from 'react';
import { useTexts } from '../i18n';
import type { Line } from './compliance';
import { domain, place, spaced, ticks } from './scale';
import { useWidth } from './useWidth';

interface Props {
  label: string;
  lines: Line[];
  unit?: string;
  /** The axis reaches at least these. */
  floor?: number;
  ceiling?: number;
  height?: number;
  /** A level that should be reached, drawn across. */
  level?: { value: number; label: string };
}

/** Told apart by colour-blind readers, too; further lines repeat them dashed. */
const COLOURS = ['var(--accent-text)', 'var(--info)', 'var(--good)', 'var(--warn)', 'var(--muted)'];
const EDGE = { top: 12, right: 14, bottom: 28, left: 48 };
const NARROW = 480;
/** Above this, circles would touch each other. */
const MOST_DOTS = 60;
/** Of a date, with the space to the next; and how many are read with pleasure. */
const ROOM = 86;
const MOST_LABELS = 7;

export function LineChart({ label, lines, unit = '', floor, ceiling, height: wished = 240, level }: Props) {
  const { t, day, number } = useTexts();
  const [ref, width] = useWidth<HTMLDivElement>();
  // On a phone, a chart as tall as it is wide would fill it.
  const height = width < NARROW ? Math.min(wished, 220) : wished;
  const [near, setNear] = useState<number>();
  const times = [...new Set(lines.flatMap((line) => line.samples.map((sample) => sample.at)))].sort((a, b) => a - b);
  const x = domain(times);
  const y = domain(lines.flatMap((line) => line.samples.map((sample) => sample.value)), floor, ceiling);
  const toX = (at: number) => place(at, x, EDGE.left, width - EDGE.right);
  const toY = (value: number) => place(value, y, height - EDGE.bottom, EDGE.top);
  const closest = (clientX: number, box: DOMRect) => {
    const at = clientX - box.left;
    return times.reduce<number | undefined>((best, time) => (best === undefined || Math.abs(toX(time) - at) < Math.abs(toX(best) - at) ? time : best), undefined);
  };
  // As many dates as have room, each below a point; no two the same.
  const labels = new Map(times.map((at) => [toX(at), at]));
  const placed = spaced([...labels.keys()], Math.max(ROOM, (width - EDGE.left - EDGE.right) / MOST_LABELS));
  const missed = lines.some((line) => line.samples.some((sample) => sample.met === false));

  return (
    <figure>
      <div ref={ref} className="relative">
        <svg
          width={width}
          height={height}
          role="img"
          aria-label={label}
          className="block max-w-full"
          onPointerMove={(event) => setNear(closest(event.clientX, event.currentTarget.getBoundingClientRect()))}
          onPointerLeave={() => setNear(undefined)}
        >
          {ticks(y, 4).map((value) => (
            <g key={value}>
              <line x1={EDGE.left} x2={width - EDGE.right} y1={toY(value)} y2={toY(value)} stroke="var(--line)" />
              <text x={EDGE.left - 8} y={toY(value)} dy="0.32em" textAnchor="end" fontSize="11" fill="var(--muted)">
                {number(value) + unit}
              </text>
            </g>
          ))}
          {placed.map((x) => (
            <text key={x} x={x} y={height - 8} fontSize="11" fill="var(--muted)" textAnchor={x - EDGE.left < ROOM / 2 ? 'start' : width - EDGE.right - x < ROOM / 2 ? 'end' : 'middle'}>
              {day(labels.get(x))}
            </text>
          ))}
          {level && level.value >= y.min && level.value <= y.max && (
            <g>
              <line x1={EDGE.left} x2={width - EDGE.right} y1={toY(level.value)} y2={toY(level.value)} stroke="var(--muted)" strokeDasharray="6 4" />
              <text x={width - EDGE.right} y={toY(level.value) - 5} fontSize="11" fill="var(--muted)" textAnchor="end" stroke="var(--surface)" strokeWidth="3" paintOrder="stroke">
                {level.label}
              </text>
            </g>
          )}
          {near !== undefined && <line x1={toX(near)} x2={toX(near)} y1={EDGE.top} y2={height - EDGE.bottom} stroke="var(--line-strong)" strokeDasharray="3 3" />}
          {lines.map((line, index) => {
            const colour = COLOURS[index % COLOURS.length];
            const path = line.samples.map((sample, at) => `${at === 0 ? 'M' : 'L'}${toX(sample.at)},${toY(sample.value)}`).join('');
            const base = height - EDGE.bottom;
            const last = line.samples.at(-1);
            const head = line.samples[0];
            return (
              <g key={line.name}>
                {lines.length === 1 && head && last && line.samples.length > 1 && (
                  <path d={`${path}L${toX(last.at)},${base}L${toX(head.at)},${base}Z`} fill={colour} opacity="0.08" />
                )}
                <path d={path} fill="none" stroke={colour} strokeWidth="2" strokeLinejoin="round" strokeDasharray={index >= COLOURS.length ? '5 4' : undefined} />
                {line.samples.length <= MOST_DOTS &&
                  line.samples.map((sample) => (
                    <circle
                      key={sample.at}
                      cx={toX(sample.at)}
                      cy={toY(sample.value)}
                      r={sample.at === near ? 5.5 : 4}
                      fill={sample.met === false ? 'var(--surface)' : colour}
                      stroke={sample.met === false ? colour : 'var(--surface)'}
                      strokeWidth={sample.met === false ? 2 : 1.5}
                    />
                  ))}
              </g>
            );
          })}
        </svg>
        {near !== undefined && (
          <div
            className="pointer-events-none absolute top-0 z-10 rounded-lg border border-line bg-surface px-3 py-2 text-xs shadow-lg"
            style={toX(near) > width / 2 ? { right: width - toX(near) + 10 } : { left: toX(near) + 10 }}
          >
            <p className="mb-1 font-medium">{day(near)}</p>
            {lines.map((line, index) => {
              const sample = line.samples.find((item) => item.at === near);
              return (
                sample && (
                  <p key={line.name} className="flex items-center gap-2">
                    <span className="size-2 rounded-full" style={{ background: COLOURS[index % COLOURS.length] }} />
                    <span className="max-w-40 truncate text-muted">{line.name}</span>
                    <span className="ml-auto pl-2 font-medium tabular-nums">
                      {number(sample.value)}
                      {unit}
                    </span>
                  </p>
                )
              );
            })}
          </div>
        )}
      </div>
      {(lines.length > 1 || missed) && (
        <figcaption className="mt-3 flex flex-wrap gap-x-4 gap-y-1 text-xs text-muted">
          {lines.length > 1 && lines.map((line, index) => (
            <span key={line.name} className="inline-flex items-center gap-1.5">
              <span className="size-2 rounded-full" style={{ background: COLOURS[index % COLOURS.length] }} />
              {line.name}
            </span>
          ))}
          {missed && (
            <span className="inline-flex items-center gap-1.5">
              <span className="size-2.5 rounded-full border-2 border-muted" />
              {t('result.failed')}
            </span>
          )}
        </figcaption>
      )}
      <table className="sr-only">
        <caption>{label}</caption>
        <thead>
          <tr>
            <th scope="col">{t('chart.series')}</th>
            <th scope="col">{t('chart.time')}</th>
            <th scope="col">{t('chart.value')}</th>
          </tr>
        </thead>
        <tbody>
          {lines.flatMap((line) =>
            line.samples.map((sample) => (
              <tr key={`${line.name} ${sample.at}`}>
                <td>{line.name}</td>
                <td>{day(sample.at)}</td>
                <td>{number(sample.value) + unit}</td>
              </tr>
            )),
          )}
        </tbody>
      </table>
    </figure>
  );
}

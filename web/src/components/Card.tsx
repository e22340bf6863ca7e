// A surface with an optional heading.

import type { ReactNode } from 'react';

export function Card({ children, className = '' }: { children: ReactNode; className?: string }) {
  return <div className={`rounded-xl border border-line bg-surface shadow-card ${className}`}>{children}</div>;
}

interface SectionProps {
  title: ReactNode;
  description?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
  /** Without padding, for tables. */
  flush?: boolean;
  className?: string;
}

export function Section({ title, description, actions, children, flush, className = '' }: SectionProps) {
  return (
    <section className={`min-w-0 rounded-xl border border-line bg-surface shadow-card ${className}`}>
      <header className="flex flex-wrap items-start justify-between gap-x-4 gap-y-2 px-4 pt-4 sm:px-5">
        <div className="min-w-0">
          <h2 className="text-base font-semibold">{title}</h2>
          {description && <p className="mt-0.5 text-sm text-muted">{description}</p>}
        </div>
        {actions && <div className="flex flex-wrap items-center gap-2">{actions}</div>}
      </header>
      <div className={flush ? 'pt-3' : 'px-4 py-4 sm:px-5'}>{children}</div>
    </section>
  );
}

/** Names and values below each other. */
export function Facts({ items, columns = 'sm:grid-cols-2' }: { items: [ReactNode, ReactNode][]; columns?: string }) {
  return (
    <dl className={`grid gap-x-6 gap-y-4 ${columns}`}>
      {items.map(([name, value], index) => (
        <div key={index} className="min-w-0">
          <dt className="text-[0.8125rem] text-muted">{name}</dt>
          <dd className="mt-0.5 text-sm font-medium break-words">{value}</dd>
        </div>
      ))}
    </dl>
  );
}

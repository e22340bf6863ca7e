// The frame of a page: its title (also the document's), what it is about, its actions.

import { useEffect, type ReactNode } from 'react';

interface PageProps {
  title: string;
  /** Beside the title. */
  badge?: ReactNode;
  description?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}

export function useTitle(title: string) {
  useEffect(() => {
    document.title = title ? `${title} · STATUS` : 'STATUS - BPCMS';
  }, [title]);
}

export function Page({ title, badge, description, actions, children }: PageProps) {
  useTitle(title);
  return (
    <div className="mx-auto w-full max-w-7xl px-4 py-6 sm:px-6 lg:px-8 lg:py-8">
      <header className="mb-6 flex flex-wrap items-start justify-between gap-x-6 gap-y-4">
        <div className="min-w-0 max-w-3xl">
          <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
            <h1 className="text-2xl font-semibold break-words">{title}</h1>
            {badge}
          </div>
          {description && <p className="mt-1 text-muted">{description}</p>}
        </div>
        {actions && <div className="flex flex-wrap items-center gap-2">{actions}</div>}
      </header>
      {children}
    </div>
  );
}

// A part of a page that is fetched when it is first shown: forms in dialogs bring along what pages do without.

import { createElement, lazy, Suspense, type ComponentType } from 'react';

export function later<Props extends object>(load: () => Promise<ComponentType<Props>>) {
  const Part: ComponentType<Props> = lazy(async () => ({ default: await load() }));
  return function Later(props: Props) {
    return <Suspense fallback={null}>{createElement(Part, props)}</Suspense>;
  };
}

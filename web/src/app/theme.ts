// Light or dark. `public/theme.js` sets the class before the first paint, this file afterwards.

import { useSyncExternalStore } from 'react';

export type Theme = 'light' | 'dark' | 'system';

const KEY = 'vite-ui-theme';
const listeners = new Set<() => void>();

function wish(): Theme {
  try {
    const text = localStorage.getItem(KEY);
    return text === 'light' || text === 'dark' ? text : 'system';
  } catch {
    return 'system'; // Storage is refused.
  }
}

function paint() {
  const dark = wish() === 'dark' || (wish() === 'system' && matchMedia('(prefers-color-scheme: dark)').matches);
  document.documentElement.classList.toggle('dark', dark);
  document.documentElement.classList.toggle('light', !dark);
}

export function setTheme(theme: Theme) {
  localStorage.setItem(KEY, theme);
  paint();
  listeners.forEach((listener) => listener());
}

/** Follows the system and other tabs for as long as the page lives. */
export function watchTheme() {
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', paint);
  window.addEventListener('storage', (event) => {
    if (event.key === KEY) {
      paint();
      listeners.forEach((listener) => listener());
    }
  });
}

export function useTheme(): Theme {
  return useSyncExternalStore((listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, wish);
}

// Texts and dates in the reader's language. Messages are pairs, English and Spanish side by side.

import { useMemo, useSyncExternalStore } from 'react';
import { messages } from './messages';
import type { stack } from './messages/stack';

export type Language = 'en' | 'es';
export type Key = keyof typeof messages | keyof typeof stack;
type Pairs = Readonly<Record<string, readonly [string, string]>>;
export type Values = Record<string, string | number>;

/** All that have been fetched. */
let known: Pairs = messages;

/** Texts that come with a part of a page, before it is shown. */
export function addMessages(more: Pairs) {
  known = { ...known, ...more };
}

const STORED = 'language';
const listeners = new Set<() => void>();

function preferred(): Language {
  try {
    const kept = localStorage.getItem(STORED);
    if (kept === 'en' || kept === 'es') return kept;
  } catch {
    // Storage is refused: the browser's languages decide.
  }
  return navigator.language.toLowerCase().startsWith('es') ? 'es' : 'en';
}

let language: Language = preferred();
/** Texts of the server, fetched by those who read them in another language than its own. */
let servers: Readonly<Record<string, string>> = {};

function fetchServers() {
  if (language !== 'es') return;
  void import('./messages/server').then(({ server }) => {
    servers = server;
  });
}
fetchServers();
document.documentElement.lang = language;

export function setLanguage(next: Language) {
  language = next;
  fetchServers();
  document.documentElement.lang = next;
  try {
    localStorage.setItem(STORED, next);
  } catch {
    // Storage is refused: until the page is left.
  }
  listeners.forEach((listener) => listener());
}

/** `{name}` is replaced; with `|` the first half is for one `{n}`, the second for any other number. */
export function translate(to: Language, key: Key, values?: Values): string {
  let text = known[key]?.[to === 'es' ? 1 : 0] ?? key;
  if (text.includes('|')) {
    const [one = '', many = ''] = text.split('|');
    text = values?.n === 1 ? one : many;
  }
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values?.[name] ?? whole));
}

export function isKey(text: string): text is Key {
  return Object.hasOwn(known, text);
}

export interface Texts {
  language: Language;
  t: (key: Key, values?: Values) => string;
  /** A text of the server, where we have it in this language. */
  server: (text: string) => string;
  /** A calendar day, as it is meant: dates of the API are days in UTC. */
  day: (value: string | number | Date | null | undefined) => string;
  /** From a day to another one, or without an end. */
  span: (from: string | null | undefined, to: string | null | undefined) => string;
  time: (value: string | number | Date | null | undefined) => string;
  ago: (value: string | number | Date) => string;
  number: (value: number, digits?: number) => string;
  percent: (share: number) => string;
}

function textsOf(of: Language): Texts {
  const locale = of === 'es' ? 'es-ES' : 'en-GB';
  const days = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeZone: 'UTC' });
  const times = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short' });
  const relative = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' });
  const shown = (format: Intl.DateTimeFormat, value: string | number | Date | null | undefined) => {
    const date = value === null || value === undefined || value === '' ? undefined : new Date(value);
    return date && !Number.isNaN(date.getTime()) ? format.format(date) : '–';
  };
  return {
    language: of,
    t: (key, values) => translate(of, key, values),
    server: (text) => (of === 'es' ? (servers[text] ?? text) : text),
    day: (value) => shown(days, value),
    span: (from, to) => (from && to ? `${shown(days, from)} – ${shown(days, to)}` : from ? translate(of, 'span.from', { day: shown(days, from) }) : to ? translate(of, 'span.to', { day: shown(days, to) }) : '–'),
    time: (value) => shown(times, value),
    ago: (value) => {
      const seconds = (new Date(value).getTime() - Date.now()) / 1000;
      const size = Math.abs(seconds);
      if (size < 60) return relative.format(Math.round(seconds), 'second');
      if (size < 3600) return relative.format(Math.round(seconds / 60), 'minute');
      if (size < 86400) return relative.format(Math.round(seconds / 3600), 'hour');
      return size < 30 * 86400 ? relative.format(Math.round(seconds / 86400), 'day') : shown(times, value);
    },
    number: (value, digits = 1) => new Intl.NumberFormat(locale, { maximumFractionDigits: digits }).format(value),
    percent: (share) => new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 0 }).format(share),
  };
}

export function useTexts(): Texts {
  const current = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => language,
  );
  return useMemo(() => textsOf(current), [current]);
}

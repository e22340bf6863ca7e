// Between the dates of the API, moments in UTC, and the days that people choose. Pure.

/** `yyyy-MM-dd` of a moment, or nothing. */
export function dayInput(value: string | null | undefined): string {
  return value ? value.slice(0, 10) : '';
}

/** The first or the last second of a day. */
export function dayToIso(day: string, side: 'start' | 'end' = 'start'): string {
  return `${day}T${side === 'start' ? '00:00:00' : '23:59:59'}.000Z`;
}

export function today(): string {
  return new Date().toISOString().slice(0, 10);
}

/** A day so many days away from another one. */
export function shifted(day: string, days: number): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + days * 86_400_000).toISOString().slice(0, 10);
}

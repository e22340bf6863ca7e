// Names with values. Pure.

export interface Pair {
  name: string;
  value: string;
}

export const toMap = (pairs: Pair[]): Record<string, string> => Object.fromEntries(pairs.map(({ name, value }) => [name, value]));

export const toPairs = (map: Record<string, unknown> | null | undefined): Pair[] =>
  Object.entries(map ?? {}).map(([name, value]) => ({ name, value: typeof value === 'string' ? value : JSON.stringify(value) }));

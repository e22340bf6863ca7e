// Which rows of a table are shown, in which order, on which page. Pure.

export interface Sorting {
  column: string;
  descending: boolean;
}

export type Sortable = string | number | boolean | null | undefined;

export interface Readable<Row> {
  id: string;
  /** What the column says, for the filter and the order. */
  text?: (row: Row) => Sortable;
}

/** Case and accents do not matter to who looks for a word. */
export function fold(text: string): string {
  return text.normalize('NFD').replace(/\p{Diacritic}/gu, '').toLowerCase();
}

export function filtered<Row>(rows: Row[], columns: Readable<Row>[], filter: string): Row[] {
  const words = fold(filter).split(/\s+/).filter(Boolean);
  if (words.length === 0) return rows;
  return rows.filter((row) => {
    const text = fold(columns.map((column) => String(column.text?.(row) ?? '')).join('\n'));
    return words.every((word) => text.includes(word));
  });
}

export function sorted<Row>(rows: Row[], columns: Readable<Row>[], sorting: Sorting | undefined): Row[] {
  const text = columns.find((column) => column.id === sorting?.column)?.text;
  if (!text || !sorting) return rows;
  const order = (a: Sortable, b: Sortable) => {
    if (typeof a === 'number' && typeof b === 'number') return a - b;
    return String(a ?? '').localeCompare(String(b ?? ''), undefined, { numeric: true });
  };
  const sign = sorting.descending ? -1 : 1;
  return [...rows].sort((a, b) => sign * order(text(a), text(b)));
}

export function page<Row>(rows: Row[], number: number, size: number): { rows: Row[]; number: number; pages: number } {
  const pages = Math.max(1, Math.ceil(rows.length / size));
  const within = Math.min(Math.max(number, 0), pages - 1);
  return { rows: rows.slice(within * size, (within + 1) * size), number: within, pages };
}

// A table of rows that are all here: filter, order, columns, selection, pages.

import { ArrowDown, ArrowUp, ChevronLeft, ChevronRight, Columns3, Search } from 'lucide-react';
import { useMemo, useState, type ReactNode } from 'react';
import { useTexts } from '../i18n';
import { Button } from './Button';
import { Menu, MenuCheck } from './Menu';
import { Notice } from './States';
import { filtered, page, sorted, type Readable, type Sorting } from './table-view';

export interface Column<Row> extends Readable<Row> {
  header: string;
  cell: (row: Row) => ReactNode;
  /** Not shown until it is asked for. */
  hidden?: boolean;
  /** From this width on: a phone shows what is needed to choose a row. */
  from?: 'sm' | 'md' | 'lg';
  align?: 'end';
}

interface Props<Row> {
  name: string;
  rows: Row[];
  columns: Column<Row>[];
  rowKey: (row: Row) => string;
  rowName: (row: Row) => string;
  selection?: { selected: ReadonlySet<string>; onChange: (selected: Set<string>) => void };
  actions?: (row: Row) => ReactNode;
  tools?: ReactNode;
  empty?: ReactNode;
  initialSorting?: Sorting;
}

const PAGE = 10;
const FROM = { sm: 'hidden sm:table-cell', md: 'hidden md:table-cell', lg: 'hidden lg:table-cell' };

export function DataTable<Row>(props: Props<Row>) {
  const { name, rows, columns, rowKey, rowName, selection, actions, tools, empty, initialSorting } = props;
  const { t } = useTexts();
  const [filter, setFilter] = useState('');
  const [number, setNumber] = useState(0);
  const [sorting, setSorting] = useState(initialSorting);
  const [hidden, setHidden] = useState(() => new Set(columns.filter((column) => column.hidden).map(({ id }) => id)));

  const found = useMemo(() => sorted(filtered(rows, columns, filter), columns, sorting), [rows, columns, filter, sorting]);
  const view = page(found, number, PAGE);
  const shown = columns.filter((column) => !hidden.has(column.id));
  const span = shown.length + (selection ? 1 : 0) + (actions ? 1 : 0);
  const toggle = <T,>(set: ReadonlySet<T>, item: T) => {
    const next = new Set(set);
    if (!next.delete(item)) next.add(item);
    return next;
  };
  const keys = view.rows.map(rowKey);
  const allSelected = keys.length > 0 && keys.every((key) => selection?.selected.has(key));
  const selectAll = () => {
    const next = new Set(selection?.selected);
    keys.forEach((key) => (allSelected ? next.delete(key) : next.add(key)));
    selection?.onChange(next);
  };
  const sort = (id: string) =>
    setSorting(sorting?.column === id ? (sorting.descending ? undefined : { column: id, descending: true }) : { column: id, descending: false });

  return (
    <div>
      <div className="flex flex-wrap items-center gap-2 px-4 pb-3 sm:px-5">
        <label className="relative min-w-40 flex-1 sm:max-w-xs">
          <span className="sr-only">{t('table.filter')}</span>
          <Search className="pointer-events-none absolute top-1/2 left-3 size-4 -translate-y-1/2 text-muted" aria-hidden />
          <input
            type="search"
            value={filter}
            onChange={(event) => {
              setFilter(event.target.value);
              setNumber(0);
            }}
            placeholder={t('table.filter')}
            className="h-9 w-full rounded-lg border border-line bg-surface pr-3 pl-9 text-sm placeholder:text-muted"
          />
        </label>
        <div className="ml-auto flex flex-wrap items-center gap-2">
          {tools}
          <Menu
            trigger={
              <Button size="sm" className="h-9" icon={Columns3} aria-label={t('table.columns')}>
                <span className="max-sm:sr-only">{t('table.columns')}</span>
              </Button>
            }
          >
            {columns.map((column) => (
              <MenuCheck key={column.id} checked={!hidden.has(column.id)} onChange={() => setHidden(toggle(hidden, column.id))}>
                {column.header}
              </MenuCheck>
            ))}
          </Menu>
        </div>
      </div>

      <div className="overflow-x-auto border-t border-line" role="region" aria-label={name} tabIndex={0}>
        <table className="w-full text-sm">
          <caption className="sr-only">{name}</caption>
          <thead>
            <tr className="border-b border-line bg-bg/60 text-left text-[0.8125rem] text-muted">
              {selection && (
                <th scope="col" className="w-10 py-2.5 pl-4 sm:pl-5">
                  <input type="checkbox" className="size-4 align-middle accent-accent" checked={allSelected} onChange={selectAll} aria-label={t('table.selectAll')} />
                </th>
              )}
              {shown.map((column) => {
                const direction = sorting?.column === column.id ? (sorting.descending ? 'descending' : 'ascending') : undefined;
                return (
                  <th
                    key={column.id}
                    scope="col"
                    aria-sort={direction}
                    className={`px-4 py-2.5 font-medium whitespace-nowrap first:sm:pl-5 ${column.from ? FROM[column.from] : ''} ${column.align === 'end' ? 'text-right' : ''}`}
                  >
                    {column.text ? (
                      <button type="button" className="inline-flex items-center gap-1 hover:text-ink" onClick={() => sort(column.id)}>
                        {column.header}
                        {direction === 'ascending' && <ArrowUp className="size-3.5" aria-hidden />}
                        {direction === 'descending' && <ArrowDown className="size-3.5" aria-hidden />}
                      </button>
                    ) : (
                      column.header
                    )}
                  </th>
                );
              })}
              {actions && (
                <th scope="col" className="w-12 pr-3">
                  <span className="sr-only">{t('table.actions')}</span>
                </th>
              )}
            </tr>
          </thead>
          <tbody>
            {view.rows.map((row) => {
              const key = rowKey(row);
              const selected = selection?.selected.has(key) ?? false;
              return (
                <tr key={key} className={`border-b border-line last:border-0 ${selected ? 'bg-accent-soft' : 'hover:bg-bg'}`}>
                  {selection && (
                    <td className="py-3 pl-4 align-top sm:pl-5">
                      <input
                        type="checkbox"
                        className="mt-0.5 size-4 accent-accent"
                        checked={selected}
                        onChange={() => selection.onChange(toggle(selection.selected, key))}
                        aria-label={t('table.select', { name: rowName(row) })}
                      />
                    </td>
                  )}
                  {shown.map((column) => (
                    <td
                      key={column.id}
                      className={`px-4 py-3 align-top first:sm:pl-5 ${column.from ? FROM[column.from] : ''} ${column.align === 'end' ? 'text-right tabular-nums' : ''}`}
                    >
                      {column.cell(row)}
                    </td>
                  ))}
                  {actions && <td className="py-1.5 pr-3 text-right align-top whitespace-nowrap">{actions(row)}</td>}
                </tr>
              );
            })}
            {view.rows.length === 0 && (
              <tr>
                <td colSpan={span}>
                  {rows.length === 0 && empty ? empty : <Notice icon={Search} title={t('table.none')} text={filter ? t('table.noneHint') : undefined} />}
                </td>
              </tr>
            )}
          </tbody>
        </table>
      </div>

      <div className="flex flex-wrap items-center justify-between gap-2 border-t border-line px-4 py-3 text-sm text-muted sm:px-5">
        <span aria-live="polite">
          {selection && selection.selected.size > 0
            ? t('table.selected', { n: selection.selected.size })
            : t('table.count', { n: found.length })}
        </span>
        {view.pages > 1 && (
          <nav className="flex items-center gap-2" aria-label={t('table.pages')}>
            <Button size="sm" icon={ChevronLeft} disabled={view.number === 0} onClick={() => setNumber(view.number - 1)}>
              {t('table.previous')}
            </Button>
            <span className="tabular-nums">{t('table.page', { page: view.number + 1, pages: view.pages })}</span>
            <Button size="sm" disabled={view.number >= view.pages - 1} onClick={() => setNumber(view.number + 1)}>
              {t('table.next')}
              <ChevronRight className="size-4" aria-hidden />
            </Button>
          </nav>
        )}
      </div>
    </div>
  );
}

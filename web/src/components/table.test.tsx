import { render, screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { useState } from 'react';
import { expect, it } from 'vitest';
import { setLanguage } from '../i18n';
import { DataTable, type Column } from './DataTable';
import { filtered, page, sorted } from './table-view';

interface Row {
  id: string;
  name: string;
  size: number;
}

const rows: Row[] = Array.from({ length: 12 }, (_, index) => ({ id: String(index), name: `Row ${index}`, size: 100 - index }));
const columns: Column<Row>[] = [
  { id: 'name', header: 'Name', text: (row) => row.name, cell: (row) => row.name },
  { id: 'size', header: 'Size', text: (row) => row.size, cell: (row) => row.size },
];

it('finds words wherever they are, whatever their accents', () => {
  const found = filtered([{ text: 'Córdoba, ESPAÑA' }, { text: 'Paris' }], [{ id: 'text', text: (row) => row.text }], 'espana cord');
  expect(found).toHaveLength(1);
});

it('sorts numbers as numbers and keeps the page within the pages', () => {
  expect(sorted([{ n: 10 }, { n: 9 }], [{ id: 'n', text: (row) => row.n }], { column: 'n', descending: false }).map(({ n }) => n)).toEqual([9, 10]);
  expect(page([1, 2, 3], 9, 2)).toEqual({ rows: [3], number: 1, pages: 2 });
  expect(page([], 0, 10)).toEqual({ rows: [], number: 0, pages: 1 });
});

function Example() {
  const [selected, setSelected] = useState<Set<string>>(new Set());
  return <DataTable name="Things" rows={rows} columns={columns} rowKey={(row) => row.id} rowName={(row) => row.name} selection={{ selected, onChange: setSelected }} />;
}

it('pages, sorts, filters and selects by name', async () => {
  setLanguage('en');
  const user = userEvent.setup();
  render(<Example />);
  const table = screen.getByRole('table', { name: 'Things' });
  const names = () => within(table).getAllByRole('row').slice(1).map((row) => within(row).getAllByRole('cell')[1]?.textContent);
  expect(names()).toHaveLength(10);
  await user.click(screen.getByRole('button', { name: 'Next' }));
  expect(names()).toEqual(['Row 10', 'Row 11']);
  await user.click(screen.getByRole('button', { name: 'Previous' }));
  await user.click(screen.getByRole('button', { name: 'Size' }));
  expect(names()[0]).toBe('Row 11');
  expect(screen.getByRole('columnheader', { name: 'Size' }).getAttribute('aria-sort')).toBe('ascending');
  await user.type(screen.getByRole('searchbox'), 'row 11');
  expect(names()).toEqual(['Row 11']);
  await user.click(screen.getByRole('checkbox', { name: 'Select Row 11' }));
  expect(screen.getByText('1 selected')).toBeTruthy();
});

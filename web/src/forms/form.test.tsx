import { render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { beforeEach, expect, it, vi } from 'vitest';
import { ApiError } from '../api/error';
import { setLanguage } from '../i18n';
import { Problem, TextField } from './fields';
import { PairsField } from './PairsField';
import { scopeRules } from './rules';
import { useServerForm } from './useServerForm';

beforeEach(() => setLanguage('en'));

function Example({ send }: { send: () => Promise<unknown> }) {
  const { form, submit, problem } = useServerForm({ schema: scopeRules, defaults: { name: '', description: 'd', type: 'string', default: '*' }, send });
  return (
    <form onSubmit={(event) => void submit(event)} noValidate>
      <TextField form={form} name="name" label="Name" hint="A hint" required />
      <Problem text={problem} />
      <button type="submit">Save</button>
    </form>
  );
}

it('tells a mistake while it is typed, and takes it back', async () => {
  const user = userEvent.setup();
  render(<Example send={vi.fn()} />);
  const field = screen.getByLabelText('Name');
  await user.type(field, 'A');
  expect((await screen.findByRole('alert')).textContent).toContain('Lower-case');
  expect(field.getAttribute('aria-invalid')).toBe('true');
  expect(field.getAttribute('aria-describedby')?.split(' ')).toHaveLength(2);
  await user.clear(field);
  await user.type(field, 'a');
  expect(screen.queryByRole('alert')).toBeNull();
});

it('shows what the server refuses beside its field, and the rest below the form', async () => {
  const user = userEvent.setup();
  const send = vi.fn().mockRejectedValueOnce(new ApiError('http', 'Name must be a string', 400)).mockRejectedValueOnce(new ApiError('http', 'Internal server error', 500));
  render(<Example send={send} />);
  await user.type(screen.getByLabelText('Name'), 'city');
  await user.click(screen.getByRole('button', { name: 'Save' }));
  const beside = await screen.findByText('Name must be a string');
  expect(screen.getByLabelText('Name').getAttribute('aria-describedby')).toContain(beside.id);
  await user.type(screen.getByLabelText('Name'), 'x');
  await user.click(screen.getByRole('button', { name: 'Save' }));
  await screen.findByText('Internal server error');
  expect(screen.getByLabelText('Name').getAttribute('aria-invalid')).toBeNull();
});

it('adds pairs with Enter without sending the form around them', async () => {
  const user = userEvent.setup();
  const change = vi.fn();
  const send = vi.fn((event: React.FormEvent) => event.preventDefault());
  render(
    <form onSubmit={send}>
      <PairsField label="Scopes" names={['city', 'country']} pairs={[{ name: 'country', value: 'Spain' }]} onChange={change} />
    </form>,
  );
  const names = screen.getByLabelText('Name for Scopes');
  expect([...names.querySelectorAll('option')].map((option) => option.textContent)).toEqual(['Choose…', 'city']);
  await user.selectOptions(names, 'city');
  await user.type(screen.getByLabelText('Value for Scopes'), 'Seville{Enter}');
  expect(change).toHaveBeenCalledWith([{ name: 'country', value: 'Spain' }, { name: 'city', value: 'Seville' }]);
  expect(send).not.toHaveBeenCalled();
});

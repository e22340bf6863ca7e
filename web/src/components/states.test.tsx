import { QueryClient, QueryClientProvider, useQuery } from '@tanstack/react-query';
import { render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { beforeEach, expect, it, vi } from 'vitest';
import { ApiError } from '../api/error';
import { setLanguage } from '../i18n';
import { Loaded } from './States';

beforeEach(() => setLanguage('en'));

function Example({ ask, service }: { ask: () => Promise<string[]>; service?: string }) {
  const query = useQuery({ queryKey: ['x'], queryFn: ask, retry: false });
  return (
    <Loaded query={query} empty={<p>Nothing yet</p>} service={service}>
      {(rows) => <p>{rows.join(', ')}</p>}
    </Loaded>
  );
}

const show = (ask: () => Promise<string[]>, service?: string) =>
  render(
    <QueryClientProvider client={new QueryClient()}>
      <Example ask={ask} service={service} />
    </QueryClientProvider>,
  );

it('is loading, then there', async () => {
  show(async () => ['a', 'b']);
  expect(screen.getByRole('status').textContent).toContain('Loading');
  await screen.findByText('a, b');
});

it('is empty', async () => {
  show(async () => []);
  await screen.findByText('Nothing yet');
});

it('has failed, says why, and asks again', async () => {
  const ask = vi.fn<() => Promise<string[]>>().mockRejectedValueOnce(new ApiError('http', 'Failed to retrieve scopes', 500, undefined, 'r-1')).mockResolvedValueOnce(['a']);
  show(ask);
  const alert = await screen.findByRole('alert');
  expect(alert.textContent).toContain('Failed to retrieve scopes');
  expect(alert.textContent).toContain('r-1');
  await userEvent.click(screen.getByRole('button', { name: 'Try again' }));
  await screen.findByText('a');
});

it('names the service that is away', async () => {
  show(async () => Promise.reject(new ApiError('network', 'cannot be reached')));
  expect((await screen.findByRole('alert')).textContent).toContain('The API cannot be reached');
});

it('names the service behind the API that is away', async () => {
  show(async () => Promise.reject(new ApiError('http', 'Failed to search in Grafana', 500)), 'Grafana');
  expect((await screen.findByRole('alert')).textContent).toContain('Grafana cannot be reached');
});

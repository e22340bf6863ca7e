import { afterEach, expect, it, vi } from 'vitest';
import { readConfig } from './config';
import { bodyText } from './error';
import { mashups, parameterNames } from './node-red';
import { address, exchange } from './request';

afterEach(() => vi.unstubAllGlobals());

it.each([
  [{ message: 'a' }, 'a'],
  [{ error: 'a' }, 'a'],
  [{ message: 'Failed', error: 'why' }, 'Failed: why'],
  [{ message: 'Failed, error: why', error: 'why' }, 'Failed, error: why'],
  [{ message: 'Failed', detail: 'name must be short' }, 'Failed: name must be short'],
  [[{ message: 'one' }, { message: 'two' }], 'one two'],
  ['Endpoint not available', 'Endpoint not available'],
  ['<html>', undefined],
  [undefined, undefined],
])('reads the error body %j', (body, text) => {
  expect(bodyText(body)).toBe(text);
});

it('writes queries with brackets for lists', () => {
  expect(address('/backend/', '/x', { a: 1, list: ['p', 'q'], none: undefined })).toBe('/backend/x?a=1&list%5B%5D=p&list%5B%5D=q');
  expect(address('/backend', '/x')).toBe('/backend/x');
});

it('sends an empty object where there is nothing to send', async () => {
  const asked = vi.fn(async (_url: string, _init: RequestInit) => new Response(null, { status: 204 }));
  vi.stubGlobal('fetch', asked);
  await expect(exchange('DELETE', '/x')).resolves.toBeUndefined();
  expect(asked.mock.calls[0]?.[1]?.body).toBe('{}');
});

it('tells an unreachable server from one that refuses', async () => {
  vi.stubGlobal('fetch', async () => Promise.reject(new TypeError('Failed to fetch')));
  await expect(exchange('GET', '/x')).rejects.toMatchObject({ trouble: 'network', status: 0 });
  vi.stubGlobal('fetch', async () => new Response('Bad Gateway', { status: 502 }));
  await expect(exchange('GET', '/x')).rejects.toMatchObject({ trouble: 'network', status: 502 });
  const away = '{"status":503,"message":"grafana cannot be reached","service":"grafana"}';
  vi.stubGlobal('fetch', async () => new Response(away, { status: 503 }));
  await expect(exchange('GET', '/x')).rejects.toMatchObject({ trouble: 'network', status: 503 });
  vi.stubGlobal('fetch', async () => new Response('{"message":"no"}', { status: 400, headers: { 'x-request-id': 'r1' } }));
  await expect(exchange('GET', '/x')).rejects.toMatchObject({ trouble: 'http', status: 400, message: 'no', requestId: 'r1' });
});

it('completes and tidies the run-time configuration', () => {
  expect(readConfig(null).backend).toBe('/backend');
  expect(readConfig({ backend: 'https://api.example.org/v1/', grafanaUrl: '/g', nodeRedUrl: 7 })).toEqual({
    backend: 'https://api.example.org/v1',
    grafanaUrl: '/g/',
    nodeRedUrl: '/node-red/',
    healthUrl: '/health/ready',
  });
});

it('finds the flows that can be called', () => {
  const nodes = [
    { id: 't1', type: 'tab', label: 'One', info: 'about' },
    { id: 'a', type: 'http in', z: 't1', url: '/first' },
    { id: 'b', type: 'http in', z: 't1', url: '/last' },
    { id: 'c', type: 'function', z: 't1' },
    { id: 't2', type: 'tab', label: 'No entry' },
    { id: 'd', type: 'inject', z: 't2' },
  ];
  expect(mashups(nodes)).toEqual([{ id: 't1', label: 'One', info: 'about', url: '/last', nodes: 3 }]);
});

it('collects the parameters of a flow', () => {
  const flow = { id: 'f', nodes: [{ id: 'a', type: 'x', params: { days: 1, endpoint: '/e' } }, { id: 'b', type: 'y' }] };
  expect(parameterNames(flow)).toEqual(['days', 'threshold']);
});

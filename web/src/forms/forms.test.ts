import { expect, it } from 'vitest';
import type { Control } from '../api/schema';
import { controlBody, controlValues, mergeParams } from '../pages/controls/params';
import { dayInput, dayToIso, shifted } from './dates';
import { catalogRules, controlRules, scopeRules, userRules } from './rules';
import { fieldOf } from './server-errors';

it.each([
  ['Failed to create catalog, error: startDate must be an ISO date', ['name', 'startDate'], {}, 'startDate'],
  ['User not found', ['username', 'password'], { username: ['user'] }, 'username'],
  ['Invalid password', ['username', 'password'], { username: ['user'] }, 'password'],
  ['Email already exists', ['username', 'email'], {}, 'email'],
  ['A secret with this name already exists.', ['name', 'value'], {}, 'name'],
  ['Missing required properties: threshold', ['name', 'threshold'], {}, 'threshold'],
  // Not a word of its own: nothing is named.
  ['renamed meanwhile', ['name'], {}, undefined],
  ['Internal server error', ['name'], {}, undefined],
])('finds the field of %j', (text, fields, words, field) => {
  expect(fieldOf(text, fields, words)).toBe(field);
});

const said = (result: { error?: { issues: { path: PropertyKey[]; message: string }[] } }) => result.error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) ?? [];

it('checks a catalog', () => {
  const good = { name: 'A', description: 'b', startDate: '2026-01-01', endDate: '2026-01-01' };
  expect(said(catalogRules.safeParse(good))).toEqual([]);
  expect(said(catalogRules.safeParse({ ...good, name: '  ' }))).toEqual(['name: form.required']);
  expect(said(catalogRules.safeParse({ ...good, endDate: '2025-12-31' }))).toEqual(['endDate: form.order']);
  expect(said(catalogRules.safeParse({ ...good, name: 'x'.repeat(101) }))).toEqual(['name: form.tooLong']);
});

it('checks a control', () => {
  const good = { ...controlValues(), name: 'A', endpoint: '/bpi', threshold: '10.5' };
  expect(said(controlRules.safeParse(good))).toEqual([]);
  expect(said(controlRules.safeParse({ ...good, threshold: 'ten' }))).toEqual(['threshold: form.number']);
  expect(said(controlRules.safeParse({ ...good, endpoint: '/a/../b' }))).toEqual(['endpoint: form.endpoint']);
  expect(said(controlRules.safeParse({ ...good, endpoint: 'bpi?x' }))).toEqual(['endpoint: form.endpoint']);
  expect(said(controlRules.safeParse({ ...good, period: 'YEARLY' }))).toHaveLength(1);
});

it('checks names of scopes and users', () => {
  const scope = { description: 'd', type: 'string', default: '*' };
  expect(said(scopeRules.safeParse({ ...scope, name: 'date_of_birth' }))).toEqual([]);
  expect(said(scopeRules.safeParse({ ...scope, name: 'City' }))).toEqual(['name: form.scopeName']);
  const user = { username: 'ada', email: 'ada@example.com', password: 'longenough', authority: 'USER' };
  expect(said(userRules.safeParse(user))).toEqual([]);
  expect(said(userRules.safeParse({ ...user, username: 'a b', email: 'x' }))).toEqual(['username: form.username', 'email: form.email']);
});

const control: Control = {
  id: 1,
  name: 'Consent',
  period: 'MONTHLY',
  status: 'finalized',
  startDate: '2026-01-01T08:30:00.000Z',
  endDate: null,
  mashupId: 'f1',
  catalogId: 3,
  params: { endpoint: '/bpi', threshold: 10, secretRefs: [{ name: 'key' }], days: '30' },
};

it('keeps what was not changed of a control as it was', () => {
  const body = controlBody(controlValues(control), control);
  expect(body.params).toEqual(control.params);
  expect(body.startDate).toBe(control.startDate);
  expect(body.endDate).toBeUndefined();
});

it('keeps types of parameters only as long as their text is the same', () => {
  expect(mergeParams({ n: 5, list: [1] }, [{ name: 'n', value: '6' }, { name: 'list', value: '[1]' }])).toEqual({ n: '6', list: [1] });
});

it('speaks of days in UTC', () => {
  expect(dayInput('2026-08-31T23:59:59.000Z')).toBe('2026-08-31');
  expect(dayToIso('2026-08-31', 'end')).toBe('2026-08-31T23:59:59.000Z');
  expect(shifted('2026-03-01', -1)).toBe('2026-02-28');
});

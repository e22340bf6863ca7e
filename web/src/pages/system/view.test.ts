import { expect, it } from 'vitest';
import type { SystemService } from '../../api/schema';
import { needsForce } from '../../api/system';
import { addMessages } from '../../i18n';
import { stack } from '../../i18n/messages/stack';
import { actionsFor, appended, isSettled, mebibytes, phaseKey, plain, tone, type Line } from './view';

addMessages(stack);

const service = (more: Partial<SystemService>): SystemService => ({
  name: 'db', phase: 'ready', state: 'ready', ready: true, required: true, oneshot: false, stoppedByHand: false, crashLoop: false,
  since: '2026-01-31T12:00:00Z', restarts: 0, ports: {}, addresses: {}, waitsFor: [], stopNeedsForce: false, restartNeedsForce: false, ...more,
});

it('tells what needs somebody from what does not', () => {
  expect(tone(service({}))).toBe('good');
  expect(tone(service({ phase: 'failed', ready: false }))).toBe('bad');
  expect(tone(service({ phase: 'failed', ready: false, required: false }))).toBe('neutral');
  expect(tone(service({ phase: 'starting', crashLoop: true }))).toBe('bad');
  expect(tone(service({ phase: 'of tomorrow' }))).toBe('neutral');
  expect(isSettled(service({ phase: 'backoff', ready: false }))).toBe(false);
  expect(isSettled(service({ phase: 'stopped', ready: false, stoppedByHand: true }))).toBe(true);
  expect(isSettled(service({ phase: 'failed', ready: false, required: false }))).toBe(false);
});

it('has a text for every phase that it knows', () => {
  for (const phase of ['stopped', 'waiting', 'preparing', 'starting', 'bootstrapping', 'ready', 'unready', 'stopping', 'backoff', 'completed', 'failed', 'skipped', 'stuck']) {
    expect(stack).toHaveProperty([phaseKey(service({ phase })) ?? phase]);
  }
  expect(phaseKey(service({ phase: 'stopped', stoppedByHand: true }))).toBe('phase.by-hand');
  expect(phaseKey(service({ phase: 'of tomorrow' }))).toBeUndefined();
});

it('offers what can be done', () => {
  expect(actionsFor(service({ phase: 'stopped' }))).toEqual(['start']);
  expect(actionsFor(service({ phase: 'backoff' }))).toEqual(['restart', 'stop']);
  const own = service({ stopNeedsForce: true });
  expect([needsForce(own, 'stop'), needsForce(own, 'restart'), needsForce(own, 'start')]).toEqual([true, false, false]);
});

it('keeps the newest lines', () => {
  const line = (id: number): Line => ({ id, time: '', stream: 'stdout', text: String(id) });
  expect(appended([line(1), line(2)], [line(3), line(4)], 3).map(({ id }) => id)).toEqual([2, 3, 4]);
});

it('takes colours out of lines', () => {
  expect(plain('\x1b[31mred\x1b[0m\tand \x1b[2J\x07')).toBe('red\tand \ufffd[2J\ufffd');
});

it('measures memory', () => {
  expect(mebibytes(3 << 20)).toEqual({ value: 3, unit: 'MiB' });
  expect(mebibytes(1.5 * 2 ** 30)).toEqual({ value: 1.5, unit: 'GiB' });
});

import { expect, it } from 'vitest';
import { addMessages, isKey, translate } from '.';
import { messages as first } from './messages';
import { stack } from './messages/stack';

const messages = { ...first, ...stack };

const placeholders = (text: string) => [...new Set([...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name))].sort();

it('says the same in both languages', () => {
  for (const [key, [english, spanish]] of Object.entries(messages)) {
    expect(placeholders(spanish), key).toEqual(placeholders(english));
    expect(spanish.split('|').length, key).toBe(english.split('|').length);
    expect(english.trim(), key).not.toBe('');
    expect(spanish.trim(), key).not.toBe('');
  }
});

it('says nothing that is not shown', () => {
  const files = import.meta.glob<string>(['../**/*.{ts,tsx}', '!./messages/**', '!../**/*.test.*'], { query: '?raw', import: 'default', eager: true });
  const source = Object.values(files).join('\n');
  // `role.${user.authority}` and the like show every text of their family.
  const families = new Set([...source.matchAll(/`(\w+)\.\$\{/g)].map(([, family]) => family));
  const unused = Object.keys(messages).filter((key) => !source.includes(`'${key}'`) && !families.has(key.split('.')[0]));
  expect(unused).toEqual([]);
});

it('fills in and counts', () => {
  expect(translate('en', 'table.count', { n: 1 })).toBe('1 row');
  expect(translate('es', 'table.count', { n: 2 })).toBe('2 filas');
  expect(translate('en', 'action.editOne', { name: 'A' })).toBe('Edit A');
  expect(isKey('form.required')).toBe(true);
  expect(isKey('toString')).toBe(false);
});

it('takes texts that come later', () => {
  expect(isKey('phase.ready')).toBe(false);
  addMessages(stack);
  expect(translate('es', 'phase.ready')).toBe('Listo');
});

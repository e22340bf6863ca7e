// Rules that several forms share, and the rules of each form. Messages are keys of our texts. Lengths are the server's columns.

import * as z from 'zod/mini';

export const NAME_MAX = 100;
const DESCRIPTION_MAX = 255;

export const text = (most: number = DESCRIPTION_MAX) =>
  z.string().check(z.trim(), z.minLength(1, 'form.required'), z.maxLength(most, 'form.tooLong'));
const optionalText = (most: number = DESCRIPTION_MAX) => z.string().check(z.trim(), z.maxLength(most, 'form.tooLong'));
const filled = () => z.string().check(z.minLength(1, 'form.required'));
const DAY = /^\d{4}-\d{2}-\d{2}$/;
const day = z.string().check(z.regex(DAY, 'form.date'));
const optionalDay = z.string().check(z.refine((value) => value === '' || DAY.test(value), 'form.date'));
const code = z.string().check(z.regex(/^\d{6}$/, 'form.code'));

const inOrder = z.refine<{ startDate: string; endDate: string }>((value) => !value.startDate || !value.endDate || value.startDate <= value.endDate, {
  path: ['endDate'],
  error: 'form.order',
});

export const signInRules = z.object({ username: text(), password: filled() });
export const codeRules = z.object({ totpToken: code });

export const catalogRules = z.object({ name: text(NAME_MAX), description: text(), startDate: day, endDate: day }).check(inOrder);

export const PERIODS = ['HOURLY', 'DAILY', 'WEEKLY', 'MONTHLY', 'ANNUALLY'] as const;

/** A flow is called below `/api/v1` of Node-RED: a plain path. */
const endpoint = z.string().check(
  z.trim(),
  z.minLength(1, 'form.required'),
  z.refine((value) => value === '' || (/^\/[^?#%\s]+$/.test(value) && !value.includes('..')), 'form.endpoint'),
);
const threshold = z.string().check(
  z.trim(),
  z.minLength(1, 'form.required'),
  z.refine((value) => Number.isFinite(Number(value)), 'form.number'),
);
const pair = z.object({ name: text(), value: z.string().check(z.trim(), z.minLength(1, 'form.required')) });

export const controlRules = z
  .object({
    name: text(NAME_MAX),
    description: optionalText(2000),
    period: z.enum(PERIODS),
    startDate: day,
    endDate: optionalDay,
    mashupId: optionalText(32),
    endpoint,
    threshold,
    params: z.array(pair),
    scopes: z.array(pair),
  })
  .check(inOrder);
export type ControlValues = z.infer<typeof controlRules>;

export const scopeRules = z.object({
  name: z.string().check(z.trim(), z.minLength(1, 'form.required'), z.regex(/^[a-z_]*$/, 'form.scopeName')),
  description: text(),
  type: z.enum(['string', 'number', 'boolean']),
  default: text(),
});

export const scopeSetRules = z.object({ controlId: filled(), scopes: z.array(pair).check(z.minLength(1, 'form.onePair')) });

export const folderRules = z.object({ title: text(NAME_MAX), description: optionalText(), parentUid: z.string() });
export const dashboardRules = z.object({ title: text(NAME_MAX), folderUid: z.string(), startDate: optionalDay, endDate: optionalDay }).check(inOrder);
export const titleRules = z.object({ title: text(NAME_MAX) });

const secret = { name: text(NAME_MAX), type: z.enum(['API_KEY', 'TOKEN', 'PASSWORD', 'OTHER']) };
export const newSecretRules = z.object({ ...secret, value: z.string().check(z.refine((value) => value.trim() !== '', 'form.required')) });
export const secretRules = z.object({ ...secret, value: z.string() });

export const disableRules = z.object({ password: filled(), totpToken: code });

export const userRules = z.object({
  username: z.string().check(z.trim(), z.minLength(1, 'form.required'), z.maxLength(60, 'form.tooLong'), z.regex(/^[A-Za-z0-9]*$/, 'form.username')),
  email: z.string().check(
    z.trim(),
    z.minLength(1, 'form.required'),
    z.maxLength(100, 'form.tooLong'),
    z.refine((value) => value === '' || /^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(value), 'form.email'),
  ),
  // What bcrypt sees of a password is 72 bytes.
  password: z.string().check(z.minLength(8, 'form.password'), z.refine((value) => new TextEncoder().encode(value).length <= 72, 'form.tooLong')),
  authority: z.enum(['ADMIN', 'DEVELOPER', 'USER']),
});

export const calculateRules = z.object({ startDate: day, endDate: day, step: z.enum(['MONTH', 'WEEK', 'DAY', 'WHOLE']) }).check(inOrder);
export const limitRules = z.object({ limit: z.string().check(z.regex(/^[1-9]\d{0,8}$/, 'form.number')) });

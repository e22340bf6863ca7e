// A label, a control, a hint and an error, tied together for those who hear the page. Knows no form.

import { useId, type ReactNode } from 'react';
import { isKey, useTexts } from '../i18n';

export const CONTROL =
  'w-full rounded-lg border bg-surface px-3 text-sm placeholder:text-muted disabled:opacity-60 aria-invalid:border-bad border-line-strong/60';

export interface Shell {
  label: string;
  hint?: ReactNode;
  required?: boolean;
  className?: string;
}

interface FieldProps extends Shell {
  error?: string;
  children: (props: { id: string; 'aria-invalid': true | undefined; 'aria-describedby': string | undefined; 'aria-required': true | undefined }) => ReactNode;
}

export function Field({ label, hint, error, required, className = '', children }: FieldProps) {
  const { t } = useTexts();
  const id = useId();
  const said = error && isKey(error) ? t(error) : error;
  // What is wrong is not said twice.
  const shownHint = hint === said ? undefined : hint;
  const describedBy = [said && `${id}-error`, shownHint && `${id}-hint`].filter(Boolean).join(' ') || undefined;
  return (
    <div className={`min-w-0 ${className}`}>
      <label htmlFor={id} className="mb-1.5 block text-sm font-medium">
        {label}
        {!required && <span className="ml-1.5 font-normal text-muted">{t('form.optional')}</span>}
      </label>
      {children({ id, 'aria-invalid': said ? true : undefined, 'aria-describedby': describedBy, 'aria-required': required || undefined })}
      {shownHint && (
        <p id={`${id}-hint`} className="mt-1 text-[0.8125rem] text-muted">
          {shownHint}
        </p>
      )}
      {said && (
        <p id={`${id}-error`} role="alert" className="mt-1 text-[0.8125rem] text-bad">
          {said}
        </p>
      )}
    </div>
  );
}

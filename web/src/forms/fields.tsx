// Fields of a form of ours.

import { Eye, EyeOff, TriangleAlert } from 'lucide-react';
import { useState, type InputHTMLAttributes } from 'react';
import { get, type FieldValues, type Path, type UseFormReturn } from 'react-hook-form';
import { IconButton } from '../components/Button';
import { useTexts } from '../i18n';
import { CONTROL, Field, type Shell } from './Field';

interface Tied<Values extends FieldValues> extends Shell {
  form: UseFormReturn<Values>;
  name: Path<Values>;
}

function errorOf<Values extends FieldValues>(form: UseFormReturn<Values>, name: string): string | undefined {
  return (get(form.formState.errors, name) as { message?: string } | undefined)?.message;
}

type InputRest = Omit<InputHTMLAttributes<HTMLInputElement>, 'form' | 'name' | 'className' | 'required'>;

export function TextField<Values extends FieldValues>(props: Tied<Values> & InputRest) {
  const { form, name, label, hint, required, className, ...rest } = props;
  return (
    <Field label={label} hint={hint} required={required} className={className} error={errorOf(form, name)}>
      {(tied) => <input {...rest} {...tied} {...form.register(name)} className={`${CONTROL} h-10`} />}
    </Field>
  );
}

export function AreaField<Values extends FieldValues>({ form, name, label, hint, required, className, rows = 3 }: Tied<Values> & { rows?: number }) {
  return (
    <Field label={label} hint={hint} required={required} className={className} error={errorOf(form, name)}>
      {(tied) => <textarea rows={rows} {...tied} {...form.register(name)} className={`${CONTROL} py-2`} />}
    </Field>
  );
}

interface SelectProps<Values extends FieldValues> extends Tied<Values> {
  options: readonly (readonly [value: string, text: string])[];
  placeholder?: string;
  disabled?: boolean;
  /** Told of each choice, for what follows from it. */
  onPick?: (value: string) => void;
}

export function SelectField<Values extends FieldValues>({ form, name, label, hint, required, className, options, placeholder, disabled, onPick }: SelectProps<Values>) {
  return (
    <Field label={label} hint={hint} required={required} className={className} error={errorOf(form, name)}>
      {(tied) => (
        <select {...tied} {...form.register(name, { onChange: (event: { target: { value: string } }) => onPick?.(event.target.value) })} disabled={disabled} className={`${CONTROL} h-10`}>
          {placeholder !== undefined && <option value="">{placeholder}</option>}
          {options.map(([value, text]) => (
            <option key={value} value={value}>
              {text}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

export function PasswordField<Values extends FieldValues>(props: Tied<Values> & InputRest) {
  const { form, name, label, hint, required, className, ...rest } = props;
  const { t } = useTexts();
  const [shown, setShown] = useState(false);
  return (
    <Field label={label} hint={hint} required={required} className={className} error={errorOf(form, name)}>
      {(tied) => (
        <div className="relative">
          <input {...rest} {...tied} {...form.register(name)} type={shown ? 'text' : 'password'} className={`${CONTROL} h-10 pr-11`} />
          <IconButton
            icon={shown ? EyeOff : Eye}
            label={shown ? t('form.hide') : t('form.show')}
            aria-pressed={shown}
            onClick={() => setShown(!shown)}
            className="absolute top-0.5 right-0.5"
          />
        </div>
      )}
    </Field>
  );
}

/** Six digits. One field, so that it can be pasted and filled in by a password manager. */
export function CodeField<Values extends FieldValues>({ autoFocus, ...tied }: Tied<Values> & { autoFocus?: boolean }) {
  return <TextField {...tied} inputMode="numeric" autoComplete="one-time-code" maxLength={6} autoFocus={autoFocus} spellCheck={false} style={{ letterSpacing: '0.4em', fontVariantNumeric: 'tabular-nums' }} />;
}

export function Problem({ text }: { text: string | undefined }) {
  if (!text) return null;
  return (
    <p role="alert" className="flex items-start gap-2 rounded-lg bg-bad-soft px-3 py-2 text-sm text-bad">
      <TriangleAlert className="mt-0.5 size-4 shrink-0" aria-hidden />
      <span className="min-w-0 break-words">{text}</span>
    </p>
  );
}

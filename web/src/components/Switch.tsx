// On or off, at once.

import { Switch as Radix } from 'radix-ui';
import { useId, type ReactNode } from 'react';

interface Props {
  checked: boolean;
  onChange: (checked: boolean) => void;
  label: string;
  hint?: ReactNode;
  /** The label is for readers only. */
  bare?: boolean;
  disabled?: boolean;
}

export function Switch({ checked, onChange, label, hint, bare, disabled }: Props) {
  const id = useId();
  const control = (
    <Radix.Root
      id={id}
      checked={checked}
      onCheckedChange={onChange}
      disabled={disabled}
      aria-label={bare ? label : undefined}
      className="relative h-6 w-10.5 shrink-0 rounded-full bg-line-strong transition-colors disabled:opacity-50 data-[state=checked]:bg-accent"
    >
      <Radix.Thumb className="block size-4.5 translate-x-0.75 rounded-full bg-white shadow transition-transform data-[state=checked]:translate-x-5.25" />
    </Radix.Root>
  );
  if (bare) return control;
  return (
    <div className="flex items-start gap-3">
      {control}
      <div>
        <label htmlFor={id} className="block text-sm font-medium">
          {label}
        </label>
        {hint && <p className="text-[0.8125rem] text-muted">{hint}</p>}
      </div>
    </div>
  );
}

// Buttons, and links that look like them.

import { LoaderCircle, type LucideIcon } from 'lucide-react';
import type { ButtonHTMLAttributes, ReactNode, Ref } from 'react';
import { Link, type LinkProps } from 'react-router';

type Look = 'primary' | 'secondary' | 'ghost' | 'danger';
type Size = 'sm' | 'md' | 'icon' | 'tiny';

const BASE =
  'inline-flex items-center justify-center gap-2 rounded-lg font-medium whitespace-nowrap transition-colors select-none disabled:opacity-50 disabled:cursor-not-allowed aria-disabled:opacity-50';
const LOOKS: Record<Look, string> = {
  primary: 'bg-accent text-on-accent hover:bg-accent-strong shadow-card',
  secondary: 'bg-surface text-ink border border-line hover:bg-raised shadow-card',
  ghost: 'text-muted hover:bg-raised hover:text-ink',
  danger: 'bg-surface text-bad border border-line hover:bg-bad-soft shadow-card',
};
const SIZES: Record<Size, string> = {
  sm: 'h-8 px-3 text-[0.8125rem]',
  md: 'h-10 px-4 text-sm',
  icon: 'size-9 shrink-0',
  tiny: 'size-7 shrink-0',
};

export function buttonClass(look: Look = 'secondary', size: Size = 'md', more = ''): string {
  return `${BASE} ${LOOKS[look]} ${SIZES[size]} ${more}`;
}

interface Common {
  look?: Look;
  size?: Size;
  icon?: LucideIcon;
}

export type ButtonProps = ButtonHTMLAttributes<HTMLButtonElement> &
  Common & { busy?: boolean; children?: ReactNode; ref?: Ref<HTMLButtonElement> };

export function Button({ look, size, icon: Icon, busy, className, children, disabled, type, ...rest }: ButtonProps) {
  return (
    <button
      type={type ?? 'button'}
      className={buttonClass(look, size, className)}
      disabled={disabled || busy}
      aria-busy={busy || undefined}
      {...rest}
    >
      {busy ? (
        <LoaderCircle className="size-4 animate-spin" aria-hidden />
      ) : (
        Icon && <Icon className="size-4 shrink-0" aria-hidden />
      )}
      {children}
    </button>
  );
}

export function LinkButton({ look, size, icon: Icon, className, children, ...rest }: LinkProps & Common) {
  return (
    <Link className={buttonClass(look, size, className)} {...rest}>
      {Icon && <Icon className="size-4 shrink-0" aria-hidden />}
      {children}
    </Link>
  );
}

/** A button that shows only an icon: its label is for everyone who cannot see it, and for the pointer that rests. */
export function IconButton({ label, size = 'icon', ...rest }: Omit<ButtonProps, 'children'> & { label: string }) {
  return <Button size={size} look="ghost" aria-label={label} title={label} {...rest} />;
}

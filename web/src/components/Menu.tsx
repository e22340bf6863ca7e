// A menu behind a button.

import type { LucideIcon } from 'lucide-react';
import { DropdownMenu } from 'radix-ui';
import type { ReactNode } from 'react';

const CONTENT = 'z-50 min-w-48 rounded-xl border border-line bg-surface p-1 shadow-xl';
const ITEM =
  'flex items-center gap-2.5 rounded-lg px-2.5 py-2 text-sm outline-none select-none data-[highlighted]:bg-raised data-[disabled]:opacity-50';

interface MenuProps {
  trigger: ReactNode;
  children: ReactNode;
  align?: 'start' | 'end';
  side?: 'top' | 'bottom';
}

export function Menu({ trigger, children, align = 'end', side = 'bottom' }: MenuProps) {
  return (
    // Not modal: the rest of the page stays there for readers.
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger asChild>{trigger}</DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content className={CONTENT} align={align} side={side} sideOffset={6} collisionPadding={8}>
          {children}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}

interface ItemProps {
  icon?: LucideIcon;
  onSelect: () => void;
  children: ReactNode;
  danger?: boolean;
}

export function MenuItem({ icon: Icon, onSelect, children, danger }: ItemProps) {
  return (
    <DropdownMenu.Item className={`${ITEM} ${danger ? 'text-bad' : ''}`} onSelect={onSelect}>
      {Icon && <Icon className="size-4 shrink-0" aria-hidden />}
      {children}
    </DropdownMenu.Item>
  );
}

export function MenuCheck({ checked, onChange, children }: { checked: boolean; onChange: () => void; children: ReactNode }) {
  return (
    <DropdownMenu.CheckboxItem
      className={ITEM}
      checked={checked}
      onCheckedChange={onChange}
      onSelect={(event) => event.preventDefault()}
    >
      <span aria-hidden className={`grid size-4 place-items-center rounded border text-[10px] ${checked ? 'border-accent bg-accent text-on-accent' : 'border-line-strong'}`}>
        {checked ? '✓' : ''}
      </span>
      {children}
    </DropdownMenu.CheckboxItem>
  );
}

interface RadioProps<T extends string> {
  label: string;
  value: T;
  options: [T, string][];
  onChange: (value: T) => void;
}

export function MenuRadio<T extends string>({ label, value, options, onChange }: RadioProps<T>) {
  return (
    <>
      <DropdownMenu.Label className="px-2.5 pt-2 pb-1 text-xs text-muted">{label}</DropdownMenu.Label>
      <DropdownMenu.RadioGroup value={value} onValueChange={(next) => onChange(next as T)}>
        {options.map(([option, text]) => (
          <DropdownMenu.RadioItem key={option} value={option} className={ITEM} onSelect={(event) => event.preventDefault()}>
            <span aria-hidden className={`grid size-4 place-items-center rounded-full border ${option === value ? 'border-accent' : 'border-line-strong'}`}>
              {option === value && <span className="size-2 rounded-full bg-accent" />}
            </span>
            {text}
          </DropdownMenu.RadioItem>
        ))}
      </DropdownMenu.RadioGroup>
    </>
  );
}

export function MenuLine() {
  return <DropdownMenu.Separator className="my-1 h-px bg-line" />;
}

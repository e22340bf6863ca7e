// Chooses which controls are shown: by scope and by dates.

import { SlidersHorizontal, X } from 'lucide-react';
import { Popover } from 'radix-ui';
import { useState } from 'react';
import { Badge } from '../../components/Badge';
import { Button, IconButton } from '../../components/Button';
import { CONTROL, Field } from '../../forms/Field';
import { useTexts } from '../../i18n';
import { NO_FILTERS, type Filters } from './filters';

interface Props {
  filters: Filters;
  /** Values by scope. */
  choices: Map<string, string[]>;
  onChange: (filters: Filters) => void;
}

export function ControlFilters({ filters, choices, onChange }: Props) {
  const { t } = useTexts();
  const [open, setOpen] = useState(false);
  const [wish, setWish] = useState(filters);
  const input = `${CONTROL} h-9`;
  const apply = (next: Filters) => {
    setWish(next);
    onChange(next);
    setOpen(false);
  };
  return (
    <Popover.Root
      open={open}
      onOpenChange={(next) => {
        setOpen(next);
        setWish(filters);
      }}
    >
      <Popover.Trigger asChild>
        <Button size="sm" className="h-9" icon={SlidersHorizontal}>
          {t('controls.filters')}
        </Button>
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Content align="end" sideOffset={6} collisionPadding={8} aria-label={t('controls.filters')} className="z-50 w-80 max-w-[calc(100vw-1rem)] space-y-3 rounded-xl border border-line bg-surface p-4 shadow-xl">
          <Field label={t('controls.filterScope')} required>
            {(tied) => (
              <select {...tied} className={input} value={wish.scope} onChange={(event) => setWish({ ...wish, scope: event.target.value, value: '' })}>
                <option value="">{t('controls.any')}</option>
                {[...choices.keys()].map((name) => (
                  <option key={name}>{name}</option>
                ))}
              </select>
            )}
          </Field>
          <Field label={t('field.value')} required>
            {(tied) => (
              <select {...tied} className={input} value={wish.value} disabled={!wish.scope} onChange={(event) => setWish({ ...wish, value: event.target.value })}>
                <option value="">{t('controls.any')}</option>
                {(choices.get(wish.scope) ?? []).map((value) => (
                  <option key={value}>{value}</option>
                ))}
              </select>
            )}
          </Field>
          <div className="grid grid-cols-2 gap-3">
            <Field label={t('controls.startsFrom')} required>
              {(tied) => <input {...tied} type="date" className={input} value={wish.startsFrom} onChange={(event) => setWish({ ...wish, startsFrom: event.target.value })} />}
            </Field>
            <Field label={t('controls.endsBy')} required>
              {(tied) => <input {...tied} type="date" className={input} value={wish.endsBy} onChange={(event) => setWish({ ...wish, endsBy: event.target.value })} />}
            </Field>
          </div>
          <div className="flex justify-end gap-2 pt-1">
            <Button size="sm" onClick={() => apply(NO_FILTERS)}>
              {t('action.reset')}
            </Button>
            <Button size="sm" look="primary" onClick={() => apply(wish)}>
              {t('action.apply')}
            </Button>
          </div>
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  );
}

/** What is filtered by, each to be taken away. */
export function ActiveFilters({ filters, onChange }: Omit<Props, 'choices'>) {
  const { t, day } = useTexts();
  const active: [text: string, without: Filters][] = [];
  if (filters.scope) active.push([filters.value ? `${filters.scope}: ${filters.value}` : filters.scope, { ...filters, scope: '', value: '' }]);
  if (filters.startsFrom) active.push([`${t('controls.startsFrom')} ${day(filters.startsFrom)}`, { ...filters, startsFrom: '' }]);
  if (filters.endsBy) active.push([`${t('controls.endsBy')} ${day(filters.endsBy)}`, { ...filters, endsBy: '' }]);
  if (active.length === 0) return null;
  return (
    <div className="flex flex-wrap gap-1.5 px-4 pb-3 sm:px-5">
      {active.map(([text, without]) => (
        <Badge key={text} tone="accent">
          {text}
          <IconButton icon={X} label={t('action.removeOne', { name: text })} size="tiny" className="-mr-1.5" onClick={() => onChange(without)} />
        </Badge>
      ))}
    </div>
  );
}

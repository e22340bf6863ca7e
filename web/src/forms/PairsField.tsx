// Names with values, any number of them, each name once.

import { Plus, X } from 'lucide-react';
import { useId, useState, type KeyboardEvent } from 'react';
import { Badge } from '../components/Badge';
import { Button, IconButton } from '../components/Button';
import { useTexts } from '../i18n';
import { CONTROL } from './Field';
import type { Pair } from './pairs';

interface Props {
  label: string;
  hint?: string;
  pairs: Pair[];
  onChange: (pairs: Pair[]) => void;
  /** Names that may be chosen. */
  names: string[];
  /** Other names may be typed. */
  free?: boolean;
  error?: string;
}

export function PairsField({ label, hint, pairs, onChange, names, free, error }: Props) {
  const { t } = useTexts();
  const id = useId();
  const [name, setName] = useState('');
  const [value, setValue] = useState('');
  const left = names.filter((candidate) => !pairs.some((pair) => pair.name === candidate));
  const ready = name.trim() !== '' && value.trim() !== '';
  const add = () => {
    if (!ready) return;
    onChange([...pairs.filter((pair) => pair.name !== name.trim()), { name: name.trim(), value: value.trim() }]);
    setName('');
    setValue('');
  };
  // Enter adds the pair; it must not send the form around it.
  const press = (event: KeyboardEvent) => {
    if (event.key !== 'Enter') return;
    event.preventDefault();
    add();
  };
  return (
    <fieldset aria-describedby={[hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(' ') || undefined}>
      <legend className="mb-1.5 text-sm font-medium">{label}</legend>
      {pairs.length > 0 && (
        <ul className="mb-2 flex flex-wrap gap-1.5">
          {pairs.map((pair) => (
            <li key={pair.name}>
              <Badge>
                {pair.name}: <span className="max-w-48 truncate text-ink">{pair.value}</span>
                <IconButton icon={X} label={t('action.removeOne', { name: pair.name })} onClick={() => onChange(pairs.filter((other) => other !== pair))} size="tiny" className="-mr-1.5" />
              </Badge>
            </li>
          ))}
        </ul>
      )}
      <div className="flex flex-wrap gap-2 sm:flex-nowrap">
        {free ? (
          <>
            <input className={`${CONTROL} h-10 sm:w-2/5`} value={name} onChange={(event) => setName(event.target.value)} onKeyDown={press} list={`${id}-names`} placeholder={t('field.name')} aria-label={t('pairs.name', { label })} />
            <datalist id={`${id}-names`}>
              {left.map((candidate) => (
                <option key={candidate} value={candidate} />
              ))}
            </datalist>
          </>
        ) : (
          <select className={`${CONTROL} h-10 sm:w-2/5`} value={name} onChange={(event) => setName(event.target.value)} aria-label={t('pairs.name', { label })}>
            <option value="">{left.length > 0 ? t('pairs.choose') : t('pairs.nothing')}</option>
            {left.map((candidate) => (
              <option key={candidate}>{candidate}</option>
            ))}
          </select>
        )}
        <input className={`${CONTROL} h-10 min-w-0 flex-1`} value={value} onChange={(event) => setValue(event.target.value)} onKeyDown={press} placeholder={t('field.value')} aria-label={t('pairs.value', { label })} />
        <Button icon={Plus} onClick={add} disabled={!ready} aria-label={t('pairs.add', { label })} className="px-3" />
      </div>
      {hint && (
        <p id={`${id}-hint`} className="mt-1 text-[0.8125rem] text-muted">
          {hint}
        </p>
      )}
      {error && (
        <p id={`${id}-error`} role="alert" className="mt-1 text-[0.8125rem] text-bad">
          {error}
        </p>
      )}
    </fieldset>
  );
}

// Second step: the controls of the draft.

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { ArrowLeft, ArrowRight, ClipboardList, Pencil, Plus, Trash2 } from 'lucide-react';
import { useState } from 'react';
import { catalogKeys, controlsOf } from '../../api/catalogs';
import { deleteControl } from '../../api/controls';
import type { Catalog, Control } from '../../api/schema';
import { Badge } from '../../components/Badge';
import { Button, IconButton } from '../../components/Button';
import { errorText } from '../../components/error-text';
import { later } from '../../components/later';
import { Loaded, Notice } from '../../components/States';
import { toast } from '../../components/toasts';
import { Problem } from '../../forms/fields';
import { useTexts } from '../../i18n';

const ControlForm = later(async () => (await import('../controls/ControlForm')).ControlForm);

export function ControlsStep({ draft, onBack, onDone }: { draft: Catalog; onBack: () => void; onDone: () => void }) {
  const texts = useTexts();
  const { t } = texts;
  const client = useQueryClient();
  const queryKey = catalogKeys.controls(draft.id);
  const query = useQuery({ queryKey, queryFn: () => controlsOf(draft.id) });
  const [editing, setEditing] = useState<Control | 'new'>();
  const [reminded, setReminded] = useState(false);
  const remove = useMutation({
    mutationFn: (control: Control) => deleteControl(control.id),
    onError: (error) => toast(errorText(texts, error), 'bad'),
    onSettled: () => client.invalidateQueries({ queryKey }),
  });
  const has = (query.data?.length ?? 0) > 0;
  return (
    <div className="space-y-4">
      <Loaded query={query} empty={<Notice icon={ClipboardList} title={t('wizard.noControls')} text={t('wizard.noControlsText')} />}>
        {(controls) => (
          <ul className="grid gap-3 lg:grid-cols-2">
            {controls.map((control) => (
              <li key={control.id} className="flex items-start gap-2 rounded-xl border border-line p-4">
                <div className="min-w-0 flex-1">
                  <p className="flex flex-wrap items-center gap-2 font-medium">
                    {control.name} <Badge>{t(`period.${control.period}`)}</Badge>
                  </p>
                  <p className="mt-1 line-clamp-2 text-sm text-muted">{control.description || t('field.noDescription')}</p>
                  <p className="mt-2 text-xs text-muted">
                    <code>{String(control.params?.endpoint ?? '')}</code> · {t('controls.threshold')} {String(control.params?.threshold ?? '')}
                  </p>
                </div>
                <IconButton icon={Pencil} label={t('action.editOne', { name: control.name })} onClick={() => setEditing(control)} />
                <IconButton icon={Trash2} label={t('action.deleteOne', { name: control.name })} onClick={() => remove.mutate(control)} />
              </li>
            ))}
          </ul>
        )}
      </Loaded>
      <div className="flex justify-center">
        <Button icon={Plus} onClick={() => setEditing('new')}>
          {t('controls.new')}
        </Button>
      </div>
      <Problem text={reminded && !has ? t('wizard.needControl') : undefined} />
      <div className="flex justify-between gap-2 border-t border-line pt-4">
        <Button icon={ArrowLeft} onClick={onBack}>
          {t('wizard.previous')}
        </Button>
        <Button look="primary" onClick={() => (has ? onDone() : setReminded(true))}>
          {t('wizard.next')}
          <ArrowRight className="size-4" aria-hidden />
        </Button>
      </div>
      {editing && <ControlForm draft catalogId={draft.id} control={editing === 'new' ? undefined : editing} onClose={() => setEditing(undefined)} />}
    </div>
  );
}

// Has the points of a catalog calculated: for a time, part by part, so that a course can be seen.

import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { catalogKeys, computePoints } from '../../api/catalogs';
import { computationKeys, pointKeys } from '../../api/computations';
import { controlKeys } from '../../api/controls';
import type { Catalog } from '../../api/schema';
import { Modal } from '../../components/Modal';
import { toast } from '../../components/toasts';
import { dayInput, today } from '../../forms/dates';
import { FormActions } from '../../forms/FormActions';
import { SelectField, TextField } from '../../forms/fields';
import { calculateRules } from '../../forms/rules';
import { useServerForm } from '../../forms/useServerForm';
import { useTexts } from '../../i18n';
import { MOST_PARTS, parts, STEPS } from './parts';

export function Calculate({ catalog, tpaId, onClose }: { catalog: Catalog; tpaId: string; onClose: () => void }) {
  const { t } = useTexts();
  const client = useQueryClient();
  const [done, setDone] = useState(0);
  const end = dayInput(catalog.endDate);
  const { form, submit, problem, busy } = useServerForm({
    schema: calculateRules,
    defaults: { startDate: dayInput(catalog.startDate), endDate: end && end < today() ? end : today(), step: 'MONTH' as const },
    words: { startDate: ['from'], endDate: ['to'] },
    send: async ({ startDate, endDate, step }) => {
      const asked = parts(startDate, endDate, step);
      if (asked.length > MOST_PARTS) throw new Error(t('points.tooMany', { n: MOST_PARTS }));
      const found = new Set<string>();
      try {
        for (const [at, part] of asked.entries()) {
          setDone(at);
          // What was stored before comes with the answer.
          for (const point of await computePoints(tpaId, part.from, part.to)) found.add(point.id);
        }
      } finally {
        setDone(0);
        await Promise.all([pointKeys.all, computationKeys.all, controlKeys.all, catalogKeys.all].map((queryKey) => client.invalidateQueries({ queryKey })));
      }
      toast(t('points.done', { n: found.size }));
      onClose();
    },
  });
  const [startDate, endDate, step] = form.watch(['startDate', 'endDate', 'step']);
  const planned = startDate && endDate && startDate <= endDate ? parts(startDate, endDate, step).length : 0;
  return (
    <Modal open onClose={onClose} title={t('points.calculateTitle')} description={t('points.calculateText')}>
      <form onSubmit={(event) => void submit(event)} noValidate className="space-y-4">
        <div className="grid gap-4 sm:grid-cols-2">
          <TextField form={form} name="startDate" type="date" label={t('field.from')} required />
          <TextField form={form} name="endDate" type="date" label={t('field.to')} required min={startDate} />
        </div>
        <SelectField
          form={form}
          name="step"
          label={t('points.step')}
          hint={planned > MOST_PARTS ? t('points.tooMany', { n: MOST_PARTS }) : planned > 0 ? t('points.planned', { n: planned }) : undefined}
          required
          options={STEPS.map((name) => [name, t(`step.${name}`)] as const)}
        />
        {busy && (
          <p role="status" className="text-sm text-muted">
            {planned > 1 ? t('points.progress', { at: done + 1, n: planned }) : t('points.running')}
          </p>
        )}
        <FormActions problem={problem} busy={busy} label={t('points.calculate')} onCancel={onClose} />
      </form>
    </Modal>
  );
}

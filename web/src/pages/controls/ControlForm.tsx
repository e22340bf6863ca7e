// Makes or changes a control; a draft as long as its catalog is one.

import { useQuery, useQueryClient } from '@tanstack/react-query';
import { catalogKeys } from '../../api/catalogs';
import { controlKeys, createControl, createDraftControl, updateControl } from '../../api/controls';
import { flowKeys, getFlow, listMashups, parameterNames } from '../../api/node-red';
import { createScopeSet, listScopes, scopeKeys } from '../../api/scopes';
import type { Control } from '../../api/schema';
import { useNodeRedToken } from '../../app/session';
import { errorText } from '../../components/error-text';
import { Modal } from '../../components/Modal';
import { toast } from '../../components/toasts';
import { FormActions } from '../../forms/FormActions';
import { AreaField, SelectField, TextField } from '../../forms/fields';
import { toMap } from '../../forms/pairs';
import { PairsField } from '../../forms/PairsField';
import { controlRules, PERIODS } from '../../forms/rules';
import { useServerForm } from '../../forms/useServerForm';
import { useTexts } from '../../i18n';
import { controlBody, controlValues } from './params';

interface Props {
  catalogId: number;
  control?: Control;
  draft?: boolean;
  onClose: () => void;
}

export function ControlForm({ catalogId, control, draft, onClose }: Props) {
  const texts = useTexts();
  const { t } = texts;
  const client = useQueryClient();
  const token = useNodeRedToken();
  const scopes = useQuery({ queryKey: scopeKeys.all, queryFn: listScopes });
  const flows = useQuery({ queryKey: flowKeys.all, queryFn: listMashups, enabled: token !== null, retry: false });
  const { form, submit, problem, busy } = useServerForm({
    schema: controlRules,
    defaults: controlValues(control),
    send: async (values) => {
      const body = controlBody(values, control);
      const create = draft ? createDraftControl : createControl;
      const { id } = control ? await updateControl(control.id, body) : await create({ ...body, catalogId });
      try {
        if (values.scopes.length > 0) await createScopeSet(id, toMap(values.scopes));
        toast(t('controls.saved'));
      } catch (error) {
        toast(t('controls.scopeFailed', { text: errorText(texts, error) }), 'bad');
      }
      await Promise.all([
        client.invalidateQueries({ queryKey: catalogKeys.controls(catalogId) }),
        client.invalidateQueries({ queryKey: controlKeys.all }),
        client.invalidateQueries({ queryKey: scopeKeys.sets }),
      ]);
      onClose();
    },
  });
  const mashupId = form.watch('mashupId');
  const flow = useQuery({ queryKey: flowKeys.one(mashupId), queryFn: () => getFlow(mashupId), enabled: token !== null && mashupId !== '', retry: false });
  const mashups = flows.data ?? [];
  const options = mashups.map((mashup) => [mashup.id, `${mashup.label || t('mashups.untitled')} (${mashup.url})`] as const);
  // One that Node-RED does not show here is kept as it is.
  const others = mashupId && !mashups.some((mashup) => mashup.id === mashupId) ? [[mashupId, mashupId] as const] : [];
  const choose = (id: string) => {
    const chosen = mashups.find((mashup) => mashup.id === id);
    if (chosen) form.setValue('endpoint', chosen.url, { shouldDirty: true, shouldValidate: true });
  };
  return (
    <Modal open onClose={onClose} wide title={control ? t('controls.edit') : t('controls.new')}>
      <form onSubmit={(event) => void submit(event)} noValidate className="space-y-4">
        <div className="grid gap-4 sm:grid-cols-3">
          <TextField form={form} name="name" label={t('field.name')} required maxLength={100} className="sm:col-span-2" />
          <SelectField form={form} name="period" label={t('field.period')} required options={PERIODS.map((period) => [period, t(`period.${period}`)] as const)} />
        </div>
        <AreaField form={form} name="description" label={t('field.description')} rows={2} />
        <div className="grid gap-4 sm:grid-cols-2">
          <TextField form={form} name="startDate" type="date" label={t('field.start')} required />
          <TextField form={form} name="endDate" type="date" label={t('field.end')} min={form.watch('startDate')} />
        </div>
        <SelectField
          form={form}
          name="mashupId"
          onPick={choose}
          label={t('controls.mashup')}
          hint={token === null ? t('nodeRed.connectText') : undefined}
          placeholder={t('controls.noMashup')}
          options={[...options, ...others]}
        />
        <div className="grid gap-4 sm:grid-cols-2">
          <TextField form={form} name="endpoint" label={t('controls.endpoint')} hint={t('controls.endpointHint')} required placeholder="/bpi" spellCheck={false} />
          <TextField form={form} name="threshold" label={t('controls.threshold')} hint={t('controls.thresholdHint')} required inputMode="decimal" />
        </div>
        <PairsField
          free
          label={t('controls.params')}
          hint={t('controls.paramsHint')}
          names={flow.data ? parameterNames(flow.data).filter((name) => name !== 'threshold') : []}
          pairs={form.watch('params')}
          onChange={(pairs) => form.setValue('params', pairs, { shouldDirty: true })}
        />
        {!control && (
          <PairsField
            label={t('nav.scopes')}
            hint={t('controls.scopesHint')}
            names={(scopes.data ?? []).map((scope) => scope.name)}
            pairs={form.watch('scopes')}
            onChange={(pairs) => form.setValue('scopes', pairs, { shouldDirty: true })}
          />
        )}
        <FormActions problem={problem} busy={busy} label={t('action.save')} onCancel={onClose} />
      </form>
    </Modal>
  );
}

// A form that is checked while it is typed into, and shows what the server refuses beside the field that it is about.

import { standardSchemaResolver } from '@hookform/resolvers/standard-schema';
import { useForm, type DefaultValues, type FieldValues, type Path, type UseFormReturn } from 'react-hook-form';
import type { ZodMiniType } from 'zod/mini';
import { ApiError } from '../api/error';
import { errorText } from '../components/error-text';
import { useTexts } from '../i18n';
import { fieldOf, type Words } from './server-errors';

interface Options<Values extends FieldValues> {
  schema: ZodMiniType<Values, Values>;
  defaults: DefaultValues<NoInfer<Values>>;
  send: (values: Values) => Promise<unknown>;
  words?: Words;
  /** The text to show for an error, where the server's own does not serve. */
  say?: (error: unknown) => string | undefined;
}

export interface ServerForm<Values extends FieldValues> {
  form: UseFormReturn<Values>;
  /** For `onSubmit`. */
  submit: (event?: React.BaseSyntheticEvent) => Promise<void>;
  /** What the server said that is about no field. */
  problem: string | undefined;
  busy: boolean;
}

export function useServerForm<Values extends FieldValues>(options: Options<Values>): ServerForm<Values> {
  const texts = useTexts();
  const form = useForm<Values>({
    resolver: standardSchemaResolver(options.schema),
    defaultValues: options.defaults,
    mode: 'onChange',
  });
  const submit = form.handleSubmit(async (values) => {
    try {
      await options.send(values);
    } catch (error) {
      const text = options.say?.(error) ?? errorText(texts, error);
      // The server's own words name the field, even where the reader sees others.
      const own = error instanceof ApiError && error.trouble === 'http' && error.status < 500 ? error.message : '';
      const find = (said: string) => fieldOf(said, Object.keys(form.getValues()), options.words);
      const field = find(text) ?? find(own);
      if (field) form.setError(field as Path<Values>, { type: 'server', message: text }, { shouldFocus: true });
      else form.setError('root', { type: 'server', message: text });
    }
  });
  return { form, submit, problem: form.formState.errors.root?.message, busy: form.formState.isSubmitting };
}

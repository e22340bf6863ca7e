// Words for what services are and use, in the reader's language.

import type { SystemService } from '../../api/schema';
import { useTexts } from '../../i18n';
import { mebibytes, phaseKey } from './view';

export function useStateText() {
  const { t } = useTexts();
  return (service: SystemService) => {
    const key = phaseKey(service);
    return key ? t(key) : service.state;
  };
}

export function useMemory() {
  const { number } = useTexts();
  return (bytes: number | null | undefined) => {
    if (bytes == null) return '–';
    const { value, unit } = mebibytes(bytes);
    return `${number(value, unit === 'MiB' ? 0 : 1)} ${unit}`;
  };
}

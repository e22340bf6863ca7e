// How the services of the stack are shown. Pure.

import type { Action } from '../../api/system';
import type { SystemLogLine, SystemService } from '../../api/schema';
import type { Tone } from '../../components/Badge';
import { isKey, type Key } from '../../i18n';

const TONES: Record<string, Tone> = {
  ready: 'good',
  completed: 'good',
  starting: 'info',
  preparing: 'info',
  bootstrapping: 'info',
  stopping: 'info',
  waiting: 'warn',
  unready: 'warn',
  backoff: 'warn',
  failed: 'bad',
  skipped: 'bad',
  stuck: 'bad',
};

export function tone(service: SystemService): Tone {
  // Nobody misses what need not be there.
  if (service.phase === 'failed' && !service.required) return 'neutral';
  return service.crashLoop ? 'bad' : (TONES[service.phase] ?? 'neutral');
}

/** The text of a phase; a newer reeve may know one that we do not. */
export function phaseKey(service: SystemService): Key | undefined {
  const key = service.stoppedByHand ? 'phase.by-hand' : `phase.${service.phase}`;
  return isKey(key) ? key : undefined;
}

/** As wished: what should run is ready, what was stopped is stopped. */
export function isSettled(service: SystemService): boolean {
  return service.ready || service.stoppedByHand || ['completed', 'stopped'].includes(service.phase);
}

const RESTS = new Set(['stopped', 'completed', 'failed', 'skipped']);

/** What can be asked of a service where it is. */
export function actionsFor(service: SystemService): Action[] {
  return RESTS.has(service.phase) ? ['start'] : ['restart', 'stop'];
}

const MIB = 1 << 20;

export function mebibytes(bytes: number): { value: number; unit: 'MiB' | 'GiB' } {
  return bytes < 1024 * MIB ? { value: bytes / MIB, unit: 'MiB' } : { value: bytes / (1024 * MIB), unit: 'GiB' };
}

export interface Line extends SystemLogLine {
  /** For React, which has to know lines apart. */
  id: number;
}

/** The newest `most` of both. */
export function appended(lines: readonly Line[], more: readonly Line[], most: number): Line[] {
  return [...lines, ...more].slice(-most);
}

const COLOURS = /\x1b\[[0-9;]*m/g;
const CONTROLS = /[\x00-\x08\x0b-\x1f\x7f]/g;

/** Services colour their lines for terminals; here that would be noise. */
export const plain = (text: string) => text.replace(COLOURS, '').replace(CONTROLS, '\ufffd');

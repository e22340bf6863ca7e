// Short messages that come and go. Holds them; `Toaster` shows them.

export interface Toast {
  id: number;
  tone: 'good' | 'bad' | 'info';
  text: string;
}

/** Long enough to be read, and not in the way for longer. Errors stay until they are closed. */
const SHOWN_MS = 6000;
/** More than these would cover a phone's screen. */
const MOST = 4;

let toasts: Toast[] = [];
let last = 0;
const listeners = new Set<() => void>();

function set(next: Toast[]) {
  toasts = next;
  listeners.forEach((listener) => listener());
}

export function toast(text: string, tone: Toast['tone'] = 'good') {
  const id = ++last;
  set([...toasts.filter((other) => other.text !== text), { id, tone, text }].slice(-MOST));
  if (tone !== 'bad') setTimeout(() => closeToast(id), SHOWN_MS);
}

export function closeToast(id: number) {
  set(toasts.filter((other) => other.id !== id));
}

export const currentToasts = () => toasts;

export function onToasts(listener: () => void) {
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
  };
}

// What can go wrong with a call, in one type. Turns the backend's several error bodies into one text; never shows it.

export type Trouble = 'http' | 'network' | 'timeout';

export class ApiError extends Error {
  override name = 'ApiError';

  constructor(
    readonly trouble: Trouble,
    message: string,
    /** 0 without an answer. */
    readonly status = 0,
    readonly body: unknown = undefined,
    /** `x-request-id` of the answer: what the log lines of the server carry. */
    readonly requestId: string | null = null,
  ) {
    super(message);
  }
}

/** The text of an error body: `message`, `error` or both, the latter being the detail. */
export function bodyText(body: unknown): string | undefined {
  if (typeof body === 'string') return body.startsWith('<') ? undefined : body.trim() || undefined;
  if (Array.isArray(body)) return body.map(bodyText).filter(Boolean).join(' ') || undefined;
  if (typeof body !== 'object' || body === null) return undefined;
  const { message, error, detail } = body as Record<string, unknown>;
  const texts = [message, error, detail].filter((text): text is string => typeof text === 'string' && text !== '');
  const said = texts.filter((text, index) => !texts.slice(0, index).some((earlier) => earlier.includes(text)));
  return said.length > 0 ? said.join(': ') : undefined;
}

export function isOffline(error: unknown): boolean {
  return error instanceof ApiError && error.trouble !== 'http';
}

export function statusOf(error: unknown): number {
  return error instanceof ApiError ? error.status : 0;
}

export function asksSecondFactor(error: unknown): boolean {
  if (!(error instanceof ApiError) || typeof error.body !== 'object' || error.body === null) return false;
  return (error.body as { requires2FA?: unknown }).requires2FA === true;
}

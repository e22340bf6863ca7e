// Which field of a form an error of the server is about. Pure.

/** Words of the server's texts, for fields that they do not call by name. */
export type Words = Record<string, readonly string[]>;

/** The first field that the text names, by its own name or by one of its words. */
export function fieldOf(text: string, fields: readonly string[], words: Words = {}): string | undefined {
  const said = text.toLowerCase();
  let best: { field: string; at: number } | undefined;
  for (const field of fields) {
    for (const word of [field, ...(words[field] ?? [])]) {
      const at = said.search(new RegExp(`\\b${escape(word.toLowerCase())}\\b`));
      if (at >= 0 && (!best || at < best.at)) best = { field, at };
    }
  }
  return best?.field;
}

function escape(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

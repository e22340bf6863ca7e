// How scope names are shown.

/** `date_of_birth` → `Date of birth` */
export function scopeTitle(name: string): string {
  const words = name.replaceAll('_', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

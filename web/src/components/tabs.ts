// How tabs look.

export const TAB_LIST = 'mb-5 flex gap-1 overflow-x-auto border-b border-line';
export const TAB =
  '-mb-px border-b-2 border-transparent px-3 py-2.5 text-sm font-medium whitespace-nowrap text-muted hover:text-ink data-[state=active]:border-accent data-[state=active]:text-ink';

// Folders and dashboards as a tree. Pure.

import type { Found } from '../../api/grafana';
import { fold } from '../../components/table-view';

export interface Branch {
  item: Found;
  children: Branch[];
}

export type Kind = 'all' | 'dash-folder' | 'dash-db';

/** Folders first, then by title. What lies in a folder that is not listed stands at the top. */
export function tree(items: Found[]): Branch[] {
  const branches = new Map(items.map((item) => [item.uid, { item, children: [] as Branch[] }]));
  const top: Branch[] = [];
  for (const branch of branches.values()) {
    const parent = branch.item.folderUid ? branches.get(branch.item.folderUid) : undefined;
    (parent && parent !== branch ? parent.children : top).push(branch);
  }
  const order = (list: Branch[]) => {
    list.sort((a, b) => {
      if (a.item.type !== b.item.type) return a.item.type === 'dash-folder' ? -1 : 1;
      return a.item.title.localeCompare(b.item.title);
    });
    list.forEach((branch) => order(branch.children));
  };
  order(top);
  return top;
}

/** What matches, with the folders that lead there. */
export function pruned(branches: Branch[], text: string, kind: Kind): Branch[] {
  const word = fold(text.trim());
  return branches.flatMap((branch) => {
    const children = pruned(branch.children, text, kind);
    const fits = fold(branch.item.title).includes(word) && (kind === 'all' || branch.item.type === kind);
    return fits || children.length > 0 ? [{ item: branch.item, children }] : [];
  });
}

export function find(branches: Branch[], uid: string): Branch | undefined {
  for (const branch of branches) {
    const found = branch.item.uid === uid ? branch : find(branch.children, uid);
    if (found) return found;
  }
  return undefined;
}

export function size(branches: Branch[]): number {
  return branches.reduce((sum, branch) => sum + 1 + size(branch.children), 0);
}

/** Of what is selected, that which does not go with a selected folder anyway. */
export function roots(branches: Branch[], selected: ReadonlySet<string>): Found[] {
  return branches.flatMap((branch) => (selected.has(branch.item.uid) ? [branch.item] : roots(branch.children, selected)));
}

// All texts.

import { catalogs } from './catalogs';
import { platform } from './platform';
import { publicPages } from './public';
import { shared } from './shared';

export const messages = { ...shared, ...publicPages, ...catalogs, ...platform } as const;

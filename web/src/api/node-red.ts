// Flows, asked from Node-RED itself. A 401 of it is its own: it means that the browser is not signed in there.

import { config } from './config';
import { address, exchange, type Call, type Method } from './request';
import { nodeRedToken, setNodeRedToken } from './session';

export const flowKeys = { all: ['flows'] as const, one: (id: string) => ['flows', id] as const };

export interface FlowNode {
  id: string;
  type: string;
  z?: string;
  label?: string;
  name?: string;
  info?: string;
  url?: string;
  method?: string;
  params?: Record<string, unknown>;
  [other: string]: unknown;
}

/** A tab that can be called over HTTP. */
export interface Mashup {
  id: string;
  label: string;
  info: string;
  url: string;
  nodes: number;
}

export interface Flow {
  id: string;
  label?: string;
  info?: string;
  disabled?: boolean;
  nodes?: FlowNode[];
  [other: string]: unknown;
}

function call<T>(method: Method, path: string, given: Call = {}): Promise<T> {
  const token = nodeRedToken();
  const headers: Record<string, string> = { ...given.headers };
  if (token) headers.authorization = `Bearer ${token}`;
  return exchange<T>(method, address(config().nodeRedUrl, path, given.query), { ...given, headers, credentials: 'omit' });
}

export async function signInToNodeRed(username: string, password: string): Promise<void> {
  const body = { client_id: 'node-red-admin', grant_type: 'password', scope: '*', username, password };
  const url = address(config().nodeRedUrl, '/auth/token');
  const reply = await exchange<{ access_token: string }>('POST', url, { body, credentials: 'omit' });
  setNodeRedToken(reply.access_token);
}

export const listMashups = async () => mashups(await call<FlowNode[]>('GET', '/flows'));
export const getFlow = (id: string) => call<Flow>('GET', `/flow/${encodeURIComponent(id)}`);
export const deleteFlow = (id: string) => call<void>('DELETE', `/flow/${encodeURIComponent(id)}`);

export function mashups(nodes: FlowNode[]): Mashup[] {
  const found: Mashup[] = [];
  for (const tab of nodes) {
    if (tab.type !== 'tab') continue;
    const own = nodes.filter((node) => node.z === tab.id);
    const entries = own.filter((node) => node.type === 'http in');
    const last = entries.at(-1);
    if (!last) continue;
    found.push({ id: tab.id, label: tab.label ?? '', info: tab.info ?? '', url: last.url ?? '', nodes: own.length });
  }
  return found;
}

/** Names of what a flow wants to be given: the `params` of its nodes. */
export function parameterNames(flow: Flow): string[] {
  const names = new Set<string>();
  for (const node of flow.nodes ?? []) {
    if (typeof node.params === 'object' && node.params) Object.keys(node.params).forEach((name) => names.add(name));
  }
  names.add('threshold');
  names.delete('endpoint');
  return [...names];
}

/** Where the editor shows a flow; without an id, the editor. */
export function editorUrl(id?: string): string {
  return config().nodeRedUrl + (id ? `#flow/${encodeURIComponent(id)}` : '');
}

// A backend, Node-RED and Grafana for browser tests that need no stack: a few rows, kept in memory, answered from the browser's
// own network layer. Its bodies are the contract's; what the real servers do is tested with them.

const iso = (day) => `${day}T00:00:00.000Z`;
const uuid = (n) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
const USERS = {
  admin: { id: 1, username: 'admin', email: 'admin@example.com', authority: 'ADMIN', password: 'right', code: undefined },
  careful: { id: 2, username: 'careful', email: 'careful@example.com', authority: 'DEVELOPER', password: 'right', code: '123456' },
  reader: { id: 3, username: 'reader', email: 'reader@example.com', authority: 'USER', password: 'right', code: undefined },
};

function data() {
  const tpa = 'tpa-00000000-0000-4000-8000-000000000001';
  const catalogs = [
    { id: 1, name: 'Privacy', description: 'Consents under the GDPR.', startDate: iso('2026-01-01'), endDate: iso('2026-12-31'), dashboard_id: 'dash00000001', tpaId: tpa, status: 'finalized' },
    { id: 2, name: 'Suppliers', description: null, startDate: iso('2026-01-01'), endDate: null, dashboard_id: null, tpaId: null, status: 'draft' },
  ];
  const controls = [
    { id: 1, name: 'Consent', description: 'Is consent recorded?', period: 'MONTHLY', startDate: iso('2026-01-01'), endDate: iso('2026-12-31'), mashupId: 'tab1', params: { endpoint: '/consent', threshold: 80 }, status: 'finalized', catalogId: 1 },
  ];
  const points = ['02', '03', '04'].map((month, at) => ({
    id: uuid(at), agreementId: tpa, guaranteeId: 'CONSENT', guaranteeValue: 70 + at * 10, guaranteeResult: at > 0, timestamp: iso(`2026-${month}-01`), metrics: {}, scope: { city: 'Seville' }, computationGroup: uuid(50), createdAt: iso(`2026-${month}-02`), updatedAt: iso(`2026-${month}-02`),
  }));
  const computations = [true, false, true].map((value, at) => ({
    id: uuid(100 + at), computationGroup: uuid(50), value, scope: { city: 'Seville', id: String(at) }, period: { from: iso(`2026-0${at + 2}-01`), to: iso(`2026-0${at + 2}-28`) }, createdAt: iso(`2026-0${at + 2}-28`), updatedAt: iso(`2026-0${at + 2}-28`), controlId: 1,
    evidences: [{ key: 'record', value: 'https://example.org/1', result: true }, { key: 'days', value: { late: 3 }, result: value }],
  }));
  const scopes = ['country', 'city'].map((name, at) => ({ id: uuid(200 + at), name, description: `The ${name}`, type: 'string', default: '*', createdAt: iso('2026-01-01'), updatedAt: iso('2026-01-01') }));
  const sets = [{ _id: '0123456789abcdef01234567', controlId: 1, scopes: { city: 'Seville' }, __v: 0 }];
  const secrets = [{ id: 1, name: 'api_key', type: 'API_KEY', environment: 'production', createdBy: 'admin', version: 1, rotatedAt: null, createdAt: iso('2026-01-01'), updatedAt: iso('2026-01-01'), value: '********' }];
  const config = ['config', 'users', 'assistant'].map((name, at) => ({ id: at + 1, endpoint: `/api/v1/${name}`, available: true, limit: 5, createdAt: iso('2026-01-01'), updatedAt: iso('2026-01-01') }));
  const found = [
    { id: 1, uid: 'folder000001', title: 'Audits', type: 'dash-folder', tags: [] },
    { id: 2, uid: 'dash00000001', title: 'Privacy dashboard', type: 'dash-db', folderUid: 'folder000001', tags: ['gdpr'] },
    { id: 3, uid: 'dash00000002', title: 'Suppliers dashboard', type: 'dash-db', tags: [] },
  ];
  const service = (name, more) => ({
    name, description: null, phase: 'ready', state: 'ready', reason: null, ready: true, required: true, oneshot: false, stoppedByHand: false, crashLoop: false, since: iso('2026-02-01'), startedAt: iso('2026-02-01'), restarts: 0, lastExit: null, pid: 4711, memoryBytes: 44040192, cpuPercent: 0.4, ports: {}, addresses: {}, waitsFor: [], limits: null, stopNeedsForce: false, restartNeedsForce: false, ...more,
  });
  const services = [
    service('postgres', { description: 'application data', ports: { sql: '127.0.0.1:5432' }, addresses: { PostgreSQL: 'postgres://127.0.0.1:5432/statusdb' }, stopNeedsForce: true, limits: 'cgroup' }),
    service('nodered', { description: 'automation flows', phase: 'backoff', ready: false, reason: 'killed by SIGKILL', restarts: 3, pid: null, memoryBytes: null, cpuPercent: null, lastExit: 'killed by SIGKILL' }),
    service('grafana', { description: 'dashboards', phase: 'failed', ready: false, required: false, reason: 'the part grafana cannot be had: no source can be reached from here', pid: null, memoryBytes: null }),
    service('status-backend', { description: 'REST API', waitsFor: [{ service: 'postgres', condition: 'ready', required: true, missing: false }], stopNeedsForce: true, restartNeedsForce: true }),
  ];
  return { catalogs, controls, points, computations, scopes, sets, secrets, config, found, services };
}

const DASHBOARD = {
  dashboard: { uid: 'dash00000001', title: 'Privacy dashboard', version: 3, schemaVersion: 27, tags: ['gdpr'], editable: true, timezone: 'browser', time: { from: 'now-6h', to: 'now' }, panels: [{ id: 1, title: 'Consent', type: 'gauge', targets: [{ rawSql: 'SELECT 1' }] }] },
  meta: { slug: 'privacy', folderTitle: 'Audits', created: iso('2026-01-01'), updated: iso('2026-02-01'), createdBy: 'admin', updatedBy: 'admin', canEdit: true, canDelete: true, canAdmin: true },
};
const FLOWS = [
  { id: 'tab1', type: 'tab', label: 'Consent check', info: 'Counts consents.' },
  { id: 'n1', type: 'http in', z: 'tab1', url: '/consent', method: 'post' },
  { id: 'n2', type: 'function', z: 'tab1', params: { days: 30 } },
];

/** Answers for `page`. `state.expired`, `state.down`, `state.slowMs` are switches of the tests. */
export async function fake(page) {
  const state = { ...data(), user: undefined, expired: false, down: false, slowMs: 0, twofa: false, next: 100 };
  const reply = (status, body) => ({ status, body });
  const stream = (event, items) => items.map((item) => `event: ${event}\ndata: ${JSON.stringify(item)}\n\n`).join('');
  const routes = [
    ['POST /users/signIn', (_, body) => {
      const user = USERS[body.username];
      if (!user) return reply(404, { message: 'User not found' });
      if (user.password !== body.password) return reply(401, { message: 'Invalid password' });
      if (user.code && !body.totpToken) return reply(401, { requires2FA: true, message: 'Two-factor authentication required. Please provide your TOTP.' });
      if (user.code && user.code !== body.totpToken) return reply(401, { requires2FA: true, message: 'Invalid 2FA token. Please try again.' });
      state.user = user;
      return reply(200, { username: user.username, email: user.email, authority: user.authority, accessToken: 'a', refreshToken: 'r', nodeRedToken: 'n' });
    }],
    ['GET /users/auth/refresh', () => (state.expired ? reply(403, { message: 'Invalid refresh token' }) : reply(200, { accessToken: 'b' }))],
    ['GET /users/signOut', () => reply(204)],
    ['GET /users/whoami', () => reply(200, { ...state.user, password: undefined, createdAt: iso('2026-01-01'), updatedAt: iso('2026-01-01') })],
    ['GET /users/2fa/status', () => reply(200, { twofa_enabled: state.twofa })],
    ['POST /users/2fa/setup', () => reply(200, { qrCode: 'data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA=' })],
    ['POST /users/2fa/verify', (_, { totpToken }) => {
      if (totpToken !== '123456') return reply(401, { message: 'Invalid 2FA token' });
      state.twofa = true;
      return reply(200, { message: '2FA enabled successfully' });
    }],
    ['GET /users', () => reply(200, Object.values(USERS).map((user) => ({ ...user, createdAt: iso('2026-01-01'), updatedAt: iso('2026-01-01') })))],
    ['GET /catalogs', () => reply(200, state.catalogs)],
    ['POST /catalogs/drafts', (_, body) => add(state.catalogs, { dashboard_id: null, tpaId: null, ...body, status: 'draft' })],
    ['GET /catalogs/:id/controls', ({ id }) => reply(200, state.controls.filter((row) => row.catalogId === Number(id)))],
    ['PATCH /catalogs/:id/finalize', ({ id }) => {
      const row = state.catalogs.find((item) => item.id === Number(id));
      Object.assign(row, { status: 'finalized', tpaId: `tpa-${uuid(id)}` });
      return reply(200, { catalog: row, controls: { finalized: 1 } });
    }],
    ['GET /catalogs/:id', ({ id }) => one(state.catalogs, id, 'Catalog not found')],
    ['PATCH /catalogs/:id', ({ id }, body) => reply(200, Object.assign(state.catalogs.find((row) => row.id === Number(id)), body))],
    ['GET /controls', () => reply(200, state.controls)],
    ['POST /controls/drafts', (_, body) => add(state.controls, { ...body, status: 'draft' })],
    ['POST /controls', (_, body) => add(state.controls, { ...body, status: 'finalized' })],
    ['GET /controls/:id', ({ id }) => one(state.controls, id, 'Control not found')],
    ['GET /controls/:id/computations', () => reply(200, state.computations)],
    ['GET /computations', () => reply(200, state.computations)],
    ['GET /points', () => reply(200, state.points)],
    ['GET /points/catalog/:id', ({ id }) => reply(200, state.points.filter((point) => point.agreementId === id))],
    ['GET /scopes', () => reply(200, state.scopes)],
    ['POST /scopes', (_, body) => (body.name === 'taken' ? reply(400, { error: 'name is taken' }) : add(state.scopes, { ...body, id: uuid(state.next) }))],
    ['GET /scopes/sets', () => reply(200, state.sets)],
    ['POST /scopes/sets', (_, body) => add(state.sets, { _id: String(state.next).padStart(24, '0'), __v: 0, ...body })],
    ['GET /scopes/sets/control/:id', ({ id }) => reply(200, state.sets.filter((set) => set.controlId === Number(id)))],
    ['GET /secrets', () => reply(200, state.secrets)],
    ['POST /secrets', (_, body) => add(state.secrets, { ...body, version: 1, createdAt: iso('2026-01-01'), updatedAt: iso('2026-01-01') })],
    ['GET /config', () => reply(200, state.config)],
    ['GET /config/assistant/limit', () => reply(200, { limit: 5 })],
    ['GET /system', () => reply(200, { name: 'status', mode: 'production', version: '0.1.0', startedAt: iso('2026-02-01'), mechanisms: ['cgroup v2'], warnings: ['networks are not enforced yet: every service can connect to every other'], shuttingDown: false, services: state.services })],
    ['GET /system/events', () => reply(200, stream('resync', [{}]))],
    ['GET /system/services/:name', ({ name }) => {
      const service = state.services.find((row) => row.name === name);
      const event = { sequence: 7, time: iso('2026-02-01'), service: name, kind: 'phase', phase: service.phase, message: `${name} is ${service.phase}`, cause: null };
      return reply(200, { service, why: [`${name} is ${service.phase}, for 3 h`], events: [event] });
    }],
    ['GET /system/services/:name/logs/stream', ({ name }) => reply(200, stream('start', [{}]) + stream('line', [1, 2, 3].map((n) => ({ time: iso('2026-02-01'), stream: ['stdout', 'stderr', 'reeve'][n - 1], text: `line ${n} of ${name}` }))))],
    ['POST /system/services/:name/:action', ({ name, action }) => {
      const service = state.services.find((row) => row.name === name);
      Object.assign(service, action === 'stop' ? { phase: 'stopped', ready: false, stoppedByHand: true, reason: null } : { phase: 'ready', ready: true, stoppedByHand: false, reason: null });
      return reply(200, { message: 'done', outcome: 'done', notes: [] });
    }],
    ['GET /grafana/search', () => reply(200, state.found)],
    ['GET /grafana/dashboard/:uid', () => reply(200, DASHBOARD)],
  ];
  const add = (list, row) => {
    const made = { id: state.next++, ...row };
    list.push(made);
    return reply(201, made);
  };
  const one = (list, id, missing) => {
    const row = list.find((item) => item.id === Number(id));
    return row ? reply(200, row) : reply(404, { message: missing });
  };
  const answer = (method, path, body) => {
    if (state.expired && !path.startsWith('/users/')) return reply(401, { message: 'No token provided' });
    const parts = path.split('/');
    for (const [pattern, handle] of routes) {
      const [wanted, shape] = pattern.split(' ');
      const names = shape.split('/');
      if (wanted !== method || names.length !== parts.length) continue;
      const params = {};
      const fits = names.every((name, at) => (name.startsWith(':') ? ((params[name.slice(1)] = decodeURIComponent(parts[at])), true) : name === parts[at]));
      if (fits) return handle(params, body);
    }
    return reply(404, { message: `the fake has no ${method} ${path}` });
  };
  const json = (route, { status, body }) => typeof body === 'string' ? route.fulfill({ status, contentType: 'text/event-stream', body }) : route.fulfill({ status, contentType: 'application/json', body: body === undefined ? '' : JSON.stringify(body) });
  await page.route('**/backend/**', async (route) => {
    if (state.slowMs > 0) await new Promise((done) => setTimeout(done, state.slowMs));
    if (state.down) return route.abort();
    const request = route.request();
    const path = new URL(request.url()).pathname.replace(/^\/backend/, '');
    return json(route, answer(request.method(), path, request.postDataJSON() ?? {}));
  });
  await page.route('**/health/ready', (route) => (state.down ? route.abort() : json(route, reply(200, { status: 'ready', checks: { database: { status: 'up', latency_ms: 1.2 }, cache: { status: 'up', latency_ms: 0.3 } } }))));
  await page.route('**/node-red/**', (route) => {
    const path = new URL(route.request().url()).pathname.replace('/node-red', '');
    if (path === '/flows') return json(route, reply(200, FLOWS));
    if (path === '/flow/tab1') return json(route, reply(200, { id: 'tab1', label: 'Consent check', nodes: FLOWS.slice(1) }));
    if (path === '/auth/login') return json(route, reply(200, { type: 'credentials' }));
    return route.fulfill({ contentType: 'text/html', body: '<!doctype html><html lang="en"><title>Node-RED</title><p>Editor</p>' });
  });
  await page.route('**/grafana/**', (route) => {
    // The API's own paths below the backend are not Grafana's.
    if (new URL(route.request().url()).pathname.startsWith('/backend')) return route.fallback();
    if (route.request().url().includes('/api/health')) return json(route, reply(200, { database: 'ok', version: '12.3.2' }));
    return route.fulfill({ contentType: 'text/html', body: '<!doctype html><html lang="en"><title>Panel</title><p>Panel</p>' });
  });
  return state;
}

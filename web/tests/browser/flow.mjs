// The flow of the walk, as somebody has drawn it in Node-RED and exported it: it answers at once, and sends the backend one
// row with ten evidences, of which some hold.

const ROWS = `
const { computationGroup, backendUrl, scope, initial, to } = msg.payload;
const headers = { 'x-access-token': msg.req.headers['x-access-token'], 'content-type': 'application/json' };
// Another share each month, always the same for the same month.
const month = new Date(initial).getUTCMonth();
const held = [6, 7, 5, 8, 9, 10, 8, 9, 7, 10, 9, 10][month];
const evidences = Array.from({ length: 10 }, (_, at) => ({ key: 'consent ' + (at + 1), value: 'https://example.org/consents/' + (at + 1), result: at < held }));
const row = { computationGroup, value: held >= 7, scope: { ...scope, id: String(month + 1) }, evidences, period: { from: initial, to } };
msg.payload = {};
return [msg, { url: backendUrl, headers, payload: { computations: [row], done: true } }];
`.trim();

export const flow = (name) => [
  { id: `${name}tab`, type: 'tab', label: name, disabled: false, info: 'Counts the consents that are recorded.' },
  { id: `${name}in`, type: 'http in', z: `${name}tab`, name: '', url: `/${name}`, method: 'post', upload: false, x: 140, y: 100, wires: [[`${name}rows`]] },
  { id: `${name}rows`, type: 'function', z: `${name}tab`, name: 'count consents', func: ROWS, outputs: 2, timeout: 0, noerr: 0, initialize: '', finalize: '', libs: [], x: 350, y: 100, wires: [[`${name}answer`], [`${name}send`]] },
  { id: `${name}answer`, type: 'http response', z: `${name}tab`, name: '', statusCode: '200', headers: {}, x: 560, y: 80, wires: [] },
  { id: `${name}send`, type: 'http request', z: `${name}tab`, name: 'to the backend', method: 'POST', ret: 'txt', paytoqs: 'ignore', url: '', persist: false, authType: '', senderr: false, headers: [], x: 580, y: 120, wires: [[]] },
];

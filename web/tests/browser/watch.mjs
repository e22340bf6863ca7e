// What goes wrong in a browser while nobody looks: errors of scripts, of the console (with them violations of the content
// security policy, in frames too), requests that fail. Each is a problem unless the walk said beforehand that it is to come.

/** The browser says by itself that an answer has an error status; here the answer itself is looked at. */
const SAID_TWICE = 'Failed to load resource';
/** A page that is left takes back what it had asked. */
const TAKEN_BACK = 'net::ERR_ABORTED';
/** Node-RED's editor looks for nodes to install out in the world, where not every machine can go. */
const OUTSIDE = /catalogue\.nodered\.org/;

/** So long nothing may be under way for a page to count as there. */
const QUIET_MS = 500;
const PATIENCE_MS = 30_000;

export function watch(page, address) {
  // Streams of events never end, so nobody waits for them.
  const busy = new Set();
  let changed = Date.now();
  const begin = (request) => {
    if (request.headers().accept === 'text/event-stream') return;
    busy.add(request);
    changed = Date.now();
  };
  const end = (request) => {
    if (busy.delete(request)) changed = Date.now();
  };
  page.on('request', begin);
  page.on('requestfinished', end);
  page.on('requestfailed', end);
  const problems = [];
  let expected = [];
  const note = (text) => {
    if (OUTSIDE.test(text)) return;
    const known = expected.find(({ pattern }) => pattern.test(text));
    if (known) known.seen = true;
    else problems.push(text);
  };
  const path = (url) => url.replace(address, '');
  page.on('pageerror', (error) => note(`error on ${path(page.url())}: ${error.message}`));
  page.on('console', (message) => {
    if (message.type() !== 'error' || message.text().startsWith(SAID_TWICE)) return;
    note(`console on ${path(page.url())}: ${message.text()} (${path(message.location().url)})`);
  });
  page.on('requestfailed', (request) => {
    const why = request.failure()?.errorText ?? '';
    if (why !== TAKEN_BACK) note(`failed on ${path(page.url())}: ${request.method()} ${path(request.url())}: ${why}`);
  });
  page.on('response', (response) => {
    if (response.status() >= 400) note(`${response.status()} on ${path(page.url())}: ${response.request().method()} ${path(response.url())}`);
  });
  return {
    problems,
    note,
    /** Until nothing has been under way for a while, but for streams of events. */
    async quiet() {
      for (const deadline = Date.now() + PATIENCE_MS; busy.size > 0 || Date.now() - changed < QUIET_MS; ) {
        if (Date.now() > deadline) throw new Error(`still under way: ${[...busy].map((request) => path(request.url())).join(', ')}`);
        await page.waitForTimeout(50);
      }
    },
    /** While `run` runs, what fits one of the patterns is to come; what does not come is a problem. */
    async expecting(patterns, run) {
      expected = patterns.map((pattern) => ({ pattern, seen: false }));
      await run();
      for (const { pattern, seen } of expected) if (!seen) problems.push(`did not come: ${pattern}`);
      expected = [];
    },
  };
}

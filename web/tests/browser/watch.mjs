// What goes wrong in a browser while nobody looks: errors of scripts, of the console (with them violations of the content
// security policy, in frames too), requests that fail. Each is a problem unless the walk said beforehand that it is to come.

/** The browser says by itself that an answer has an error status; here the answer itself is looked at. */
const SAID_TWICE = 'Failed to load resource';
/** A page that is left takes back what it had asked. */
const TAKEN_BACK = 'net::ERR_ABORTED';
/** Node-RED's editor looks for nodes to install out in the world, where not every machine can go. */
const OUTSIDE = /catalogue\.nodered\.org/;

export function watch(page, address) {
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
    /** While `run` runs, what fits one of the patterns is to come; what does not come is a problem. */
    async expecting(patterns, run) {
      expected = patterns.map((pattern) => ({ pattern, seen: false }));
      await run();
      for (const { pattern, seen } of expected) if (!seen) problems.push(`did not come: ${pattern}`);
      expected = [];
    },
  };
}

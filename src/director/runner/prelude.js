// Runs one script in the embedded engine. Its value is the host: start(script, config), turn(now), state().
(function (print) {
  'use strict';
  const words = (values) =>
    values
      .map((value) => {
        if (typeof value === 'string') return value;
        if (value instanceof Error) return `${value.name}: ${value.message}`;
        try {
          const text = JSON.stringify(value);
          return text === undefined ? String(value) : text;
        } catch {
          return String(value);
        }
      })
      .join(' ');
  const out = (...values) => print(false, words(values));
  const err = (...values) => print(true, words(values));
  globalThis.console = { log: out, info: out, debug: out, trace: out, warn: err, error: err };

  let now = 0;
  let last = 0;
  const timers = new Map();
  const timer = (again) => (callback, delay, ...args) => {
    if (typeof callback !== 'function') throw new TypeError('a timer needs a function');
    const wait = Math.max(1, Number(delay) || 0);
    last += 1;
    timers.set(last, { at: now + wait, wait, again, callback, args });
    return last;
  };
  globalThis.setTimeout = timer(false);
  globalThis.setInterval = timer(true);
  globalThis.setImmediate = (callback, ...args) => globalThis.setTimeout(callback, 0, ...args);
  globalThis.clearTimeout = globalThis.clearInterval = globalThis.clearImmediate = (id) => void timers.delete(id);
  globalThis.global = globalThis;

  function require(name) {
    throw new Error(
      `Cannot find module '${name}': the embedded engine has no modules; install Node.js and set DIRECTOR_RUNNER=node`,
    );
  }

  let state = '';
  const fail = (error) => {
    state = 'E' + (error instanceof Error ? `${error.name}: ${error.message}` : String(error));
  };

  async function run(script, config) {
    const module = { exports: {} };
    const body = new Function('exports', 'require', 'module', '__filename', '__dirname', script);
    body.call(module.exports, module.exports, require, module, 'script.js', '.');
    const main = module.exports && module.exports.main;
    if (typeof main !== 'function') throw new TypeError('the script exports no function main');
    const result = JSON.stringify(await main(config === undefined ? undefined : JSON.parse(config)));
    state = 'R' + (result === undefined ? 'null' : result);
  }

  return {
    start(script, config) {
      run(script, config).catch(fail);
    },
    // Runs one timer that is due; milliseconds until the next one, or -1 if there is none.
    turn(time) {
      now = time;
      let next = null;
      for (const [id, entry] of timers) {
        if (next === null || entry.at < timers.get(next).at) next = id;
      }
      if (next === null) return -1;
      const entry = timers.get(next);
      if (entry.at > now) return entry.at - now;
      if (entry.again) entry.at = now + entry.wait;
      else timers.delete(next);
      entry.callback(...entry.args);
      return 0;
    },
    state: () => state,
  };
});

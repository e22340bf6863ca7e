// Runs one script in Node.js. In: `require` of the working directory and `input`, {script, config, label, infrastructure,
// axios, commons}. Out, on descriptor 3: one letter (R for a result, E for a failure), the length of the text in eight
// hexadecimal digits, the text. Standard output and standard error are the script's own.
'use strict';
const fs = require('fs');
const path = require('path');
const Module = require('module');

const RESULT = 3;
const LONGEST_FAILURE = 8192;
const { JSON, Buffer, Error, TypeError, Promise, String } = globalThis;
const stringify = JSON.stringify;

let sent = false;
function send(kind, text) {
  if (sent) return;
  sent = true;
  const body = Buffer.from(text, 'utf8');
  const head = Buffer.from(kind + body.length.toString(16).padStart(8, '0'));
  const frame = Buffer.concat([head, body]);
  for (let at = 0; at < frame.length;) at += fs.writeSync(RESULT, frame, at);
  fs.closeSync(RESULT);
}

function fail(error) {
  let text;
  try {
    text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    console.error(error);
  } catch {
    text = 'the script threw something that has no text';
  }
  send('E', text.slice(0, LONGEST_FAILURE / 4));
  process.exitCode = 1;
}

// Ours, where the real ones are not installed.
const stand_ins = { axios: input.axios, 'governify-commons': input.commons };
const made = {};
function standIn(name) {
  if (!made[name]) {
    const module = new Module(name);
    module.filename = path.join(process.cwd(), `${name} (stand-in)`);
    module.paths = Module._nodeModulePaths(process.cwd());
    module.infrastructure = input.infrastructure;
    made[name] = module;
    module._compile(stand_ins[name], module.filename);
  }
  return made[name].exports;
}
const load = Module._load;
Module._load = function (request, parent, isMain) {
  if (!Object.prototype.hasOwnProperty.call(stand_ins, request)) return load.call(this, request, parent, isMain);
  try {
    return load.call(this, request, parent, isMain);
  } catch (error) {
    const missing = error && error.code === 'MODULE_NOT_FOUND' && String(error.message).includes(`'${request}'`);
    if (!missing) throw error;
    return standIn(request);
  }
};

// Written at once: what waits in memory would be lost at an abrupt end, and grow without end in a loop.
for (const stream of [process.stdout, process.stderr]) {
  if (stream._handle && stream._handle.setBlocking) stream._handle.setBlocking(true);
}

async function run() {
  const script = new Module(path.join(process.cwd(), 'script.js'));
  script.filename = script.id;
  script.paths = Module._nodeModulePaths(process.cwd());
  script._compile(input.script, script.filename);
  const main = script.exports && script.exports.main;
  if (typeof main !== 'function') throw new TypeError('the script exports no function main');
  const result = stringify(await main(input.config));
  // Nothing, or what has no JSON text: null.
  send('R', result === undefined ? 'null' : result);
}

process.on('exit', () => {
  if (!sent) send('E', 'the script ended before its main function did');
});
run().catch(fail);

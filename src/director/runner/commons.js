// A stand-in for governify-commons: what published scripts use of it.
'use strict';
const axios = require('axios');

const tree = module.infrastructure || {};

function getServiceURL(name) {
  let found = tree;
  for (const part of String(name).split('.')) found = found === null || found === undefined ? undefined : found[part];
  if (found && typeof found === 'object') found = found.default;
  if (typeof found !== 'string') throw new Error(`the infrastructure file has no service ${name}`);
  return found;
}

const httpClient = axios.create();
httpClient.setRequestLogging = () => {};

function getService(name) {
  const base = getServiceURL(name);
  const service = { request: (config) => httpClient.request({ ...config, url: base + (config.url || '') }) };
  for (const verb of ['get', 'delete', 'head', 'options']) {
    service[verb] = (path = '', config) => httpClient[verb](base + path, config);
  }
  for (const verb of ['post', 'put', 'patch']) {
    service[verb] = (path = '', data, config) => httpClient[verb](base + path, data, config);
  }
  return service;
}

function getLogger(tags = []) {
  const prefix = tags.length ? [`[${tags.join(',')}]`] : [];
  const logger = { tag: (...more) => getLogger([...tags, ...more.flat()]) };
  for (const level of ['debug', 'info']) logger[level] = (...words) => console.log(...prefix, ...words);
  for (const level of ['warn', 'error', 'fatal']) logger[level] = (...words) => console.error(...prefix, ...words);
  return logger;
}

module.exports = {
  init: async () => {},
  httpClient,
  infrastructure: { getServiceURL, getService, getServices: () => tree },
  getLogger: (...tags) => getLogger(tags.flat()),
};

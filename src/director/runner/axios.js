// A stand-in for axios over fetch: the calls, options, answers and errors that scripts use.
'use strict';

class AxiosError extends Error {
  constructor(message, code, config, request, response) {
    super(message);
    this.name = 'AxiosError';
    this.isAxiosError = true;
    this.code = code;
    this.config = config;
    if (request) this.request = request;
    if (response) {
      this.response = response;
      this.status = response.status;
    }
  }

  toJSON() {
    return { message: this.message, name: this.name, code: this.code, status: this.status || null };
  }
}

const isPlain = (value) => {
  if (value === null || typeof value !== 'object') return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null || Array.isArray(value);
};

function merged(...configs) {
  const all = {};
  for (const config of configs) {
    for (const [name, value] of Object.entries(config || {})) {
      if (value === undefined) continue;
      const both = (name === 'headers' || name === 'params') && isPlain(value) && isPlain(all[name]);
      all[name] = both ? { ...all[name], ...value } : value;
    }
  }
  return all;
}

function parameters(params) {
  if (params instanceof URLSearchParams) return params.toString();
  const pairs = new URLSearchParams();
  const add = (name, value) => {
    if (value === null || value === undefined) return;
    if (value instanceof Date) pairs.append(name, value.toISOString());
    else if (typeof value === 'object') pairs.append(name, JSON.stringify(value));
    else pairs.append(name, String(value));
  };
  for (const [name, value] of Object.entries(params || {})) {
    if (Array.isArray(value)) value.forEach((item) => add(`${name}[]`, item));
    else add(name, value);
  }
  return pairs.toString();
}

function address(config) {
  const given = config.url || '';
  const absolute = /^([a-z][a-z\d+\-.]*:)?\/\//i.test(given);
  const base = config.baseURL;
  let url = base && !absolute ? base.replace(/\/+$/, '') + (given ? '/' + given.replace(/^\/+/, '') : '') : given;
  const query = config.paramsSerializer
    ? (config.paramsSerializer.serialize || config.paramsSerializer)(config.params)
    : parameters(config.params);
  if (query) {
    url = url.split('#')[0];
    url += (url.includes('?') ? '&' : '?') + query;
  }
  return url;
}

function body(config, headers) {
  const { data } = config;
  if (data === undefined || data === null) return undefined;
  const named = (kind) => {
    if (!headers.has('content-type')) headers.set('content-type', kind);
  };
  if (data instanceof URLSearchParams) return named('application/x-www-form-urlencoded;charset=utf-8'), data.toString();
  if (typeof FormData !== 'undefined' && data instanceof FormData) return data;
  if (isPlain(data)) {
    if (String(headers.get('content-type')).includes('x-www-form-urlencoded')) return parameters(data);
    return named('application/json'), JSON.stringify(data);
  }
  if (typeof data === 'string') return named('application/x-www-form-urlencoded'), data;
  if (typeof data.pipe === 'function') return data;
  if (ArrayBuffer.isView(data) || data instanceof ArrayBuffer) return data;
  return named('application/json'), JSON.stringify(data);
}

async function content(response, config) {
  if (config.responseType === 'arraybuffer') return Buffer.from(await response.arrayBuffer());
  if (config.responseType === 'stream') return require('stream').Readable.fromWeb(response.body);
  const text = await response.text();
  if (config.responseType === 'text' && !config.transformResponse) return text;
  if (text === '') return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

async function send(config) {
  const method = (config.method || 'get').toUpperCase();
  const headers = new Headers({ accept: 'application/json, text/plain, */*', 'user-agent': 'axios' });
  for (const [name, value] of Object.entries(config.headers || {})) {
    if (value !== undefined && value !== null && !isPlain(value)) headers.set(name, String(value));
  }
  if (config.auth) {
    const { username = '', password = '' } = config.auth;
    headers.set('authorization', 'Basic ' + Buffer.from(`${username}:${password}`).toString('base64'));
  }
  const options = { method, headers, redirect: config.maxRedirects === 0 ? 'manual' : 'follow' };
  if (method !== 'GET' && method !== 'HEAD') {
    options.body = body(config, headers);
    if (options.body && typeof options.body.pipe === 'function') options.duplex = 'half';
  }
  const signals = [];
  if (config.signal) signals.push(config.signal);
  if (config.timeout) signals.push(AbortSignal.timeout(config.timeout));
  const controller = new AbortController();
  for (const signal of signals) {
    if (signal.aborted) controller.abort(signal.reason);
    else signal.addEventListener('abort', () => controller.abort(signal.reason), { once: true });
  }
  options.signal = controller.signal;
  const request = { method, path: config.url };
  let response;
  let data;
  try {
    response = await fetch(address(config), options);
    data = await content(response, config);
  } catch (error) {
    const cause = error.cause || error;
    if (cause.name === 'TimeoutError') {
      throw new AxiosError(`timeout of ${config.timeout}ms exceeded`, 'ECONNABORTED', config, request);
    }
    if (config.signal && config.signal.aborted) throw new AxiosError('canceled', 'ERR_CANCELED', config, request);
    throw new AxiosError(cause.message || 'Network Error', cause.code || 'ERR_NETWORK', config, request);
  }
  const answer = {
    data,
    status: response.status,
    statusText: response.statusText,
    headers: Object.fromEntries(response.headers),
    config,
    request,
  };
  const fine = config.validateStatus === undefined ? (status) => status >= 200 && status < 300 : config.validateStatus;
  if (!fine || fine(answer.status)) return answer;
  const code = answer.status < 500 ? 'ERR_BAD_REQUEST' : 'ERR_BAD_RESPONSE';
  throw new AxiosError(`Request failed with status code ${answer.status}`, code, config, request, answer);
}

class Interceptors {
  constructor() {
    this.handlers = [];
  }

  use(fulfilled, rejected) {
    return this.handlers.push({ fulfilled, rejected }) - 1;
  }

  eject(index) {
    this.handlers[index] = null;
  }
}

function instance(defaults) {
  const client = (first, second) => {
    return client.request(typeof first === 'string' ? { ...second, url: first } : first);
  };
  client.defaults = { headers: { common: {} }, ...defaults };
  client.interceptors = { request: new Interceptors(), response: new Interceptors() };
  client.request = async (first, second) => {
    const own = typeof first === 'string' ? { ...second, url: first } : first;
    let config = merged(client.defaults, { headers: client.defaults.headers.common }, own);
    for (const handler of client.interceptors.request.handlers.filter(Boolean).reverse()) {
      if (handler.fulfilled) config = await handler.fulfilled(config);
    }
    let answer = send(config);
    for (const handler of client.interceptors.response.handlers.filter(Boolean)) {
      answer = answer.then(handler.fulfilled, handler.rejected);
    }
    return answer;
  };
  for (const method of ['get', 'delete', 'head', 'options']) {
    client[method] = (url, config) => client.request({ ...config, method, url });
  }
  for (const method of ['post', 'put', 'patch']) {
    client[method] = (url, data, config) => client.request({ ...config, method, url, data });
  }
  client.getUri = (config) => address(merged(client.defaults, config));
  client.create = (config) => instance(merged(client.defaults, config));
  return client;
}

const axios = instance({});
axios.AxiosError = AxiosError;
axios.isAxiosError = (error) => Boolean(error && error.isAxiosError);
axios.isCancel = (error) => Boolean(error && error.code === 'ERR_CANCELED');
axios.all = (promises) => Promise.all(promises);
axios.spread = (callback) => (values) => callback(...values);
axios.default = axios;
module.exports = axios;

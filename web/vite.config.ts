/// <reference types="vitest/config" />
import tailwindcss from '@tailwindcss/vite';
import react from '@vitejs/plugin-react';
import { defineConfig, type ProxyOptions } from 'vite';
import { compressed } from './scripts/compress.mjs';

// Where `vite` and `vite preview` find the services that a reverse proxy stands before in production.
const api = process.env.STATUS_API ?? 'http://127.0.0.1:3001/api/v1';
const nodeRed = process.env.STATUS_NODE_RED ?? 'http://127.0.0.1:1880';
const grafana = process.env.STATUS_GRAFANA ?? 'http://127.0.0.1:3100';

const address = new URL(api);
const proxy: Record<string, ProxyOptions> = {
  '/backend': { target: address.origin, rewrite: (path) => address.pathname.replace(/\/$/, '') + path.replace(/^\/backend/, '') },
  '/health': { target: address.origin },
  '/node-red': { target: nodeRed, ws: true, rewrite: (path) => path.replace(/^\/node-red/, '') || '/' },
  '/grafana': { target: grafana, ws: true },
};

export default defineConfig({
  base: './',
  plugins: [react(), tailwindcss(), compressed()],
  // Of the development server; who runs it may not be who owns this directory.
  cacheDir: process.env.STATUS_VITE_CACHE ?? 'node_modules/.vite',
  server: { proxy },
  preview: { proxy },
  build: { target: 'es2022', manifest: true, sourcemap: false, chunkSizeWarningLimit: 600 },
  test: { environment: 'jsdom', include: ['src/**/*.test.{ts,tsx}'], setupFiles: ['src/test-setup.ts'] },
});

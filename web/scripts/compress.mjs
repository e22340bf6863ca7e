// Writes each text file of a build once more as .br and .gz beside it, so that whoever serves them compresses nothing.
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

/** Below this, one packet carries it either way. */
const WORTH_BYTES = 1024;
const TEXT = /\.(js|css|html|svg|txt|xml|webmanifest|json)$/;
/** Edited by operators, after whom a compressed copy would be a stale one; and what no browser asks for. */
const LEFT_OUT = new Set(['config.json', '.vite']);

function compress(dir) {
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name);
    if (LEFT_OUT.has(entry.name)) continue;
    if (entry.isDirectory()) {
      compress(path);
    } else if (TEXT.test(entry.name)) {
      const plain = readFileSync(path);
      if (plain.length < WORTH_BYTES) continue;
      const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: plain.length } };
      writeFileSync(`${path}.br`, brotliCompressSync(plain, quality));
      writeFileSync(`${path}.gz`, gzipSync(plain, { level: 9 }));
    }
  }
}

/** For Vite: after everything has been written. */
export function compressed() {
  let dir;
  return {
    name: 'compressed',
    apply: 'build',
    configResolved(config) {
      dir = resolve(config.root, config.build.outDir);
    },
    closeBundle() {
      compress(dir);
    },
  };
}

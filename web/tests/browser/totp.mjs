// A phone with an authenticator: reads the secret from the picture that is scanned, and tells codes (RFC 6238).
import { createHmac } from 'node:crypto';
import jsQR from 'jsqr';

const STEP_SECONDS = 30;
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** The secret in the QR code that an image of the page shows. */
export async function scan(image) {
  const { data, width, height } = await image.evaluate(async (element) => {
    await element.decode();
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [element.naturalWidth, element.naturalHeight];
    const context = canvas.getContext('2d');
    context.drawImage(element, 0, 0);
    return { data: [...context.getImageData(0, 0, canvas.width, canvas.height).data], width: canvas.width, height: canvas.height };
  });
  const found = jsQR(Uint8ClampedArray.from(data), width, height);
  if (!found) throw new Error('the QR code cannot be read');
  const secret = new URL(found.data).searchParams.get('secret');
  if (!secret) throw new Error('the QR code has no secret');
  return secret;
}

/** The code of now, or of so many steps from now. Whoever checks it takes a neighbouring one, and none twice. */
export function code(secret, ahead = 0) {
  const bits = [...secret].map((letter) => ALPHABET.indexOf(letter).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => Number.parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 1000 / STEP_SECONDS) + ahead));
  const hash = createHmac('sha1', key).update(counter).digest();
  const number = hash.readUInt32BE(hash.at(-1) & 0xf) & 0x7fffffff;
  return String(number % 1_000_000).padStart(6, '0');
}

// Every page as it looks: two widths, light and dark, in a directory. Each is inspected on the way.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { inspect, proportions } from './inspect.mjs';

/** A desk and a phone. */
const SIZES = [
  { width: 1440, height: 900 },
  { width: 390, height: 844 },
];
const SCHEMES = ['light', 'dark'];
/** Charts and menus follow a new width in the frame after it. */
const settle = (page) => page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));

export async function album(place) {
  await mkdir(place, { recursive: true });
  let taken = 0;
  /** Pictures of the page as it stands; what is wrong with it goes to `note`. */
  async function shoot(page, name, note, schemes = SCHEMES) {
    for (const size of SIZES) {
      await page.setViewportSize(size);
      for (const colorScheme of schemes) {
        await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
        await settle(page);
        const shown = `${name} at ${size.width}, ${colorScheme}`;
        // Colours do not depend on the width, nor the order of things on colours.
        const whole = (size.width === 1440) === (colorScheme === 'light');
        (await (whole ? inspect : proportions)(page, shown)).forEach(note);
        await page.screenshot({ path: join(place, `${name}-${size.width}${colorScheme === 'dark' ? '-dark' : ''}.png`), fullPage: true });
        taken += 1;
      }
    }
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' });
  }
  return { shoot, count: () => taken };
}

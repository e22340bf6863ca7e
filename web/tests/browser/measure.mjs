// What a visit costs: requests and bytes, which have a limit; times, and how far things moved while they were read, which are
// only told, since they are this machine's.

/** A page with its scripts, styles, fonts and first questions. Generous: a chunk more is no news, a second copy of a library is. */
const REQUESTS = 60;
/** As they come over the network; without compression it would be three times as much. */
const KILOBYTES = 300;

/** A line to print; what is over a limit goes to `note`. */
export async function measure(page, address, note) {
  const devtools = await page.context().newCDPSession(page);
  let requests = 0;
  let bytes = 0;
  devtools.on('Network.requestWillBeSent', () => (requests += 1));
  devtools.on('Network.loadingFinished', ({ encodedDataLength }) => (bytes += encodedDataLength));
  await devtools.send('Network.enable');
  await devtools.send('Network.clearBrowserCache');
  await page.addInitScript(() => {
    window.seen = { paint: 0, shift: 0 };
    new PerformanceObserver((list) => list.getEntries().forEach((entry) => (window.seen.paint = entry.startTime))).observe({ type: 'largest-contentful-paint', buffered: true });
    new PerformanceObserver((list) => list.getEntries().forEach((entry) => (window.seen.shift += entry.hadRecentInput ? 0 : entry.value))).observe({ type: 'layout-shift', buffered: true });
  });
  await page.goto('about:blank');
  [requests, bytes] = [0, 0];
  await page.goto(address);
  await page.waitForLoadState('networkidle');
  const seen = await page.evaluate(() => window.seen);
  const first = await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0);
  await devtools.detach();
  const kilobytes = Math.round(bytes / 1000);
  if (requests > REQUESTS) note(`${address}: ${requests} requests, more than ${REQUESTS}`);
  if (kilobytes > KILOBYTES) note(`${address}: ${kilobytes} kB, more than ${KILOBYTES}`);
  return `   ${requests} requests, ${kilobytes} kB, first paint ${Math.round(first)} ms, largest ${Math.round(seen.paint)} ms, shift ${seen.shift.toFixed(3)}`;
}

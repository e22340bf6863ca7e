// Node-RED behind the proxy: its own sign-in, its editor in the frame, a flow imported and deployed over the editor's WebSocket.
import assert from 'node:assert/strict';
import { flow } from '../flow.mjs';

export async function nodeRed(walk) {
  const { page, step, go, button, field, said, until, watched, name } = walk;

  await step('Node-RED refuses, then lets in', async () => {
    await go('/app/mashups');
    await field('Username').fill(walk.nodeRed.username);
    await watched.expecting([/^403 .*node-red\/auth\/token|^401 .*node-red\/auth\/token/], async () => {
      await field('Password').fill('wrong');
      await button('Connect to Node-RED').click();
      await said('Node-RED does not know this name with this password.');
    });
    await field('Password').fill(walk.nodeRed.password);
    await button('Connect to Node-RED').click();
    await said('Flows in Node-RED that controls can call.');
    await button('Disconnect').waitFor();
  });

  await step('the editor opens in its frame, and a flow is deployed over its WebSocket', async () => {
    const sockets = [];
    page.on('websocket', (socket) => {
      const seen = { url: socket.url(), received: '' };
      sockets.push(seen);
      socket.on('framereceived', ({ payload }) => (seen.received += payload));
    });
    // The editor asks for its settings before it asks who is there.
    const editor = page.frameLocator('iframe[title="Node-RED editor"]');
    await watched.expecting([/^401 .*node-red\/settings/], async () => {
      await go('/app/editor');
      await editor.locator('#node-dialog-login-username').fill(walk.nodeRed.username);
    });
    await editor.locator('#node-dialog-login-password').fill(walk.nodeRed.password);
    await editor.locator('#node-dialog-login-submit').click();
    await editor.locator('#red-ui-header-button-deploy').waitFor();
    await editor.locator('.red-ui-workspace-chart-background').first().waitFor();
    // A first visitor is offered a tour.
    const close = editor.locator('.red-ui-tourGuide-popover-title button, .red-ui-popover .red-ui-button.pull-right').first();
    if (await close.isVisible()) await close.click();
    await editor.locator('body').press('Control+i');
    const text = editor.locator('#red-ui-clipboard-dialog-import-text');
    const ready = editor.locator('#red-ui-clipboard-dialog-ok');
    // The dialog looks at the text when keys are let go, and not before it has opened whole.
    await until('the flow can be imported', async () => {
      await text.fill(JSON.stringify(flow(name)));
      await text.press('End');
      return ready.isEnabled();
    });
    await ready.click();
    await editor.locator('.red-ui-tab', { hasText: name }).waitFor();
    await editor.locator('#red-ui-header-button-deploy').click();
    await editor.getByText('Successfully deployed').waitFor();
    const comms = sockets.filter(({ url }) => url === `${walk.address.replace(/^http/, 'ws')}/node-red/comms`);
    assert.ok(comms.length > 0, `no WebSocket to the editor's address, only ${sockets.map(({ url }) => url)}`);
    // The runtime tells every open editor of the deployment.
    await until('a word of the deployment over the WebSocket', () => comms.some(({ received }) => received.includes('notification/runtime-deploy')));
  });

  await step('the flow is a mashup', async () => {
    await go('/app/mashups');
    await page.getByRole('table', { name: 'Mashups' }).getByText(`/${name}`).waitFor();
  });
}

// Dashboards and folders, kept by Grafana, and their panels in frames.
export async function grafana(walk) {
  const { page, step, go, button, field, said, catalog, name } = walk;

  await step('the dashboard of the catalog is there, with a gauge', async () => {
    await go('/app/dashboards');
    await page.getByRole('link', { name: `${catalog} dashboard` }).click();
    await page.getByRole('heading', { name: `${catalog} dashboard`, level: 1 }).waitFor();
    await page.getByTitle('Consent is recorded').waitFor();
    // Whoever has no session at Grafana is asked to sign in, in the frame, through the proxy.
    await page.frameLocator('iframe').first().getByRole('heading', { name: 'Welcome to Grafana' }).waitFor();
    walk.dashboard = new URL(page.url()).hash.slice(1);
  });

  await step('a folder, a dashboard in it, a second one refused', async () => {
    await go('/app/dashboards');
    await button('Add folder').click();
    await field('Title').fill(`Folder ${name}`);
    await button('Create').click();
    await said('Folder created');
    await page.getByRole('link', { name: `Folder ${name}` }).click();
    await said('This folder is empty');
    walk.folder = new URL(page.url()).hash.slice(1);
    await button('Add dashboard').click();
    await field('Title').fill(`Inner ${name}`);
    await button('Create').click();
    await said('Dashboard created');
    await page.getByRole('link', { name: `Inner ${name}` }).waitFor();
  });
}

// From a rule to points on a chart: a scope, a catalog with the wizard, a control that the flow computes, its results.
import assert from 'node:assert/strict';

export async function compliance(walk) {
  const { page, step, go, button, field, textbox, said, shoot, name, catalog } = walk;

  await step('a scope', async () => {
    await go('/app/scopes');
    await button('Add scope').click();
    await page.getByRole('dialog').waitFor();
    await shoot('scope-form');
    await field('Name').fill('Wrong Name');
    await page.getByRole('alert').filter({ hasText: 'Lower-case letters' }).waitFor();
    await field('Name').fill(name);
    await field('Description').fill('Made by a walk');
    await button('Save').click();
    await said('Scope saved');
  });

  await step('a catalog in three steps, with a dashboard', async () => {
    await go('/app/catalogs/new');
    await field('Catalog name').fill(catalog);
    await field('Description').fill('Made by a walk');
    await field('Start date').fill('2026-01-01');
    await field('End date').fill('2025-01-01');
    await said('must not be before');
    await field('End date').fill('2026-12-31');
    await button('Next step').click();
    await page.getByRole('heading', { name: 'Controls' }).waitFor();
    await shoot('wizard-controls');
    await button('Add new control').click();
    await field('Name').fill('Consent is recorded');
    await page.getByLabel('Period').selectOption('MONTHLY');
    await page.getByLabel('Mashup').selectOption({ label: `${name} (/${name})` });
    assert.equal(await textbox('Endpoint').inputValue(), `/${name}`);
    await textbox('Threshold').fill('70');
    await page.getByLabel('Name for Scopes').selectOption(name);
    await page.getByLabel('Value for Scopes').fill('north');
    await button('Add to Scopes').click();
    await shoot('control-form');
    await button('Save').click();
    await said('Control saved');
    await page.reload();
    await page.getByRole('heading', { name: 'Controls' }).waitFor();
    await button('Next step').click();
    await page.getByRole('switch').waitFor();
    await shoot('wizard-dashboard');
    await button('Complete').click();
    await said('Catalog created');
    await page.getByRole('link', { name: 'Consent is recorded' }).waitFor();
    await shoot('catalog-new');
  });

  await step('its compliance is calculated through Node-RED and the registry, and is drawn', async () => {
    await page.getByRole('tab', { name: 'Compliance' }).click();
    await said('No points in this time');
    await shoot('catalog-no-points');
    await button('Calculate').click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('From').fill('2026-01-01');
    await dialog.getByLabel('To').fill('2026-06-30');
    await dialog.getByText('The flows run 6 times').waitFor();
    await shoot('calculate', ['light']);
    await dialog.getByRole('button', { name: 'Calculate' }).click();
    await said('6 points received');
    const table = page.getByRole('table', { name: 'Compliance' });
    await table.getByRole('link', { name: 'Consent is recorded' }).first().waitFor();
    const drawn = await page.getByRole('img', { name: 'Value of each guarantee over time' }).locator('circle').count();
    assert.equal(drawn, 6, 'a point a month');
    // Six of ten evidences held in January: below the threshold. All did in June.
    await table.getByRole('row').filter({ hasText: 'Not met' }).filter({ hasText: '60' }).waitFor();
    await table.getByRole('row').filter({ hasText: '100' }).waitFor();
    await shoot('catalog-points');
  });

  await step('what is behind it: the control, its results, the evidences of one', async () => {
    await page.getByRole('tab', { name: 'Controls' }).click();
    await page.getByRole('link', { name: 'Consent is recorded' }).click();
    await page.getByRole('heading', { name: 'Consent is recorded', level: 1 }).waitFor();
    walk.control = new URL(page.url()).hash.slice(1);
    await button('Edit').click();
    assert.equal(await textbox('Threshold').inputValue(), '70');
    await textbox('Threshold').fill('80');
    await button('Save').click();
    await said('threshold: 80');
    await page.getByRole('link', { name: /^Computation/ }).first().click();
    await page.getByRole('heading', { name: 'Evidences' }).waitFor();
    walk.computation = new URL(page.url()).hash.slice(1);
    await said('consent 10');
  });

  await step('the overview shows it', async () => {
    await go('/app');
    await page.getByRole('img', { name: 'Compliance over time' }).locator('circle').first().waitFor();
    await page.getByRole('link', { name: catalog }).waitFor();
    await page.getByRole('link', { name: 'Consent is recorded' }).first().waitFor();
  });
}

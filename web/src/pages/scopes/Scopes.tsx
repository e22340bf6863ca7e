// The dimensions by which controls are computed, and the sets of them that controls have.

import { Tabs } from 'radix-ui';
import { Page } from '../../components/Page';
import { TAB, TAB_LIST } from '../../components/tabs';
import { useTexts } from '../../i18n';
import { ScopeSets } from './ScopeSets';
import { ScopeTable } from './ScopeTable';

export default function Scopes() {
  const { t } = useTexts();
  return (
    <Page title={t('nav.scopes')} description={t('scopes.text')}>
      <Tabs.Root defaultValue="scopes">
        <Tabs.List className={TAB_LIST} aria-label={t('nav.scopes')}>
          <Tabs.Trigger value="scopes" className={TAB}>
            {t('nav.scopes')}
          </Tabs.Trigger>
          <Tabs.Trigger value="sets" className={TAB}>
            {t('sets.title')}
          </Tabs.Trigger>
        </Tabs.List>
        <Tabs.Content value="scopes" tabIndex={-1}>
          <ScopeTable />
        </Tabs.Content>
        <Tabs.Content value="sets" tabIndex={-1}>
          <ScopeSets />
        </Tabs.Content>
      </Tabs.Root>
    </Page>
  );
}

// The second factor alone: where the menu of the account leads.

import { Page } from '../../components/Page';
import { useTexts } from '../../i18n';
import { SecondFactor } from './SecondFactor';

export default function SecondFactorPage() {
  const { t } = useTexts();
  return (
    <Page title={t('nav.secondFactor')}>
      <div className="max-w-2xl">
        <SecondFactor />
      </div>
    </Page>
  );
}

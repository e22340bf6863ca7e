// Who is signed in, and what they prefer.

import { useQuery } from '@tanstack/react-query';
import { LogOut } from 'lucide-react';
import { userKeys, whoami } from '../../api/users';
import { setTheme, useTheme, type Theme } from '../../app/theme';
import { LinkButton } from '../../components/Button';
import { Facts, Section } from '../../components/Card';
import { Page } from '../../components/Page';
import { Loaded } from '../../components/States';
import { CONTROL, Field } from '../../forms/Field';
import { setLanguage, useTexts, type Language } from '../../i18n';
import { SecondFactor } from './SecondFactor';

export default function Profile() {
  const { t, day } = useTexts();
  const query = useQuery({ queryKey: userKeys.me, queryFn: whoami });
  return (
    <Page
      title={t('nav.profile')}
      description={t('profile.text')}
      actions={
        <LinkButton to="/logout" icon={LogOut}>
          {t('nav.signOut')}
        </LinkButton>
      }
    >
      <div className="grid max-w-4xl gap-5">
        <Section title={t('profile.account')}>
          <Loaded query={query} rows={2}>
            {(user) => (
              <Facts
                columns="grid-cols-1 sm:grid-cols-2 lg:grid-cols-4"
                items={[
                  [t('signIn.username'), user.username],
                  [t('profile.email'), user.email],
                  [t('profile.role'), t(`role.${user.authority}`)],
                  [t('profile.since'), day(user.createdAt)],
                ]}
              />
            )}
          </Loaded>
        </Section>
        <SecondFactor />
        <Preferences />
      </div>
    </Page>
  );
}

function Preferences() {
  const { t, language } = useTexts();
  const theme = useTheme();
  return (
    <Section title={t('profile.preferences')}>
      <div className="grid gap-4 sm:grid-cols-2">
        <Field label={t('language.label')} required>
          {(tied) => (
            <select {...tied} aria-required={undefined} className={`${CONTROL} h-10`} value={language} onChange={(event) => setLanguage(event.target.value as Language)}>
              <option value="en">English</option>
              <option value="es">Español</option>
            </select>
          )}
        </Field>
        <Field label={t('theme.label')} required>
          {(tied) => (
            <select {...tied} aria-required={undefined} className={`${CONTROL} h-10`} value={theme} onChange={(event) => setTheme(event.target.value as Theme)}>
              {(['light', 'dark', 'system'] as const).map((choice) => (
                <option key={choice} value={choice}>
                  {t(`theme.${choice}`)}
                </option>
              ))}
            </select>
          )}
        </Field>
      </div>
    </Section>
  );
}

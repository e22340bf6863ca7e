// Language and appearance, in a menu.

import { Languages, SunMoon } from 'lucide-react';
import { IconButton } from '../components/Button';
import { Menu, MenuRadio } from '../components/Menu';
import { setLanguage, useTexts, type Language } from '../i18n';
import { setTheme, useTheme, type Theme } from './theme';

export function ThemeChoice() {
  const { t } = useTexts();
  const theme = useTheme();
  const options: [Theme, string][] = [
    ['light', t('theme.light')],
    ['dark', t('theme.dark')],
    ['system', t('theme.system')],
  ];
  return <MenuRadio label={t('theme.label')} value={theme} options={options} onChange={setTheme} />;
}

export function LanguageChoice() {
  const { t, language } = useTexts();
  const options: [Language, string][] = [
    ['en', 'English'],
    ['es', 'Español'],
  ];
  return <MenuRadio label={t('language.label')} value={language} options={options} onChange={setLanguage} />;
}

export function Preferences() {
  const { t } = useTexts();
  return (
    <>
      <Menu trigger={<IconButton icon={Languages} label={t('language.label')} />}>
        <LanguageChoice />
      </Menu>
      <Menu trigger={<IconButton icon={SunMoon} label={t('theme.label')} />}>
        <ThemeChoice />
      </Menu>
    </>
  );
}

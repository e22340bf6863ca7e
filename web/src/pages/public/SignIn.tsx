// Sign-in: name and password, then the code of a second factor where the server asks for one.

import { useQueryClient } from '@tanstack/react-query';
import { ArrowLeft, LogIn } from 'lucide-react';
import { useState } from 'react';
import { Link, Navigate, useLocation } from 'react-router';
import { ApiError, asksSecondFactor } from '../../api/error';
import { startSession } from '../../api/session';
import { signIn } from '../../api/users';
import { useSession } from '../../app/session';
import { Preferences } from '../../app/Preferences';
import { Button } from '../../components/Button';
import { Card } from '../../components/Card';
import { Logo } from '../../components/Logo';
import { useTitle } from '../../components/Page';
import { toast } from '../../components/toasts';
import { CodeField, PasswordField, Problem, TextField } from '../../forms/fields';
import { codeRules, signInRules } from '../../forms/rules';
import { useServerForm } from '../../forms/useServerForm';
import { useTexts } from '../../i18n';

interface Account {
  username: string;
  password: string;
}

export default function SignIn() {
  const { t } = useTexts();
  const session = useSession();
  const location = useLocation();
  const [account, setAccount] = useState<Account>();
  useTitle(t('signIn.title'));
  if (session) {
    const from = (location.state as { from?: string } | null)?.from;
    return <Navigate to={from?.startsWith('/app') ? from : '/app'} replace />;
  }
  return (
    <div className="flex min-h-dvh flex-col">
      <header className="flex items-center justify-between px-4 py-4 sm:px-6">
        <Link to="/" aria-label={t('public.home')}>
          <Logo />
        </Link>
        <div className="flex">
          <Preferences />
        </div>
      </header>
      <main className="flex flex-1 items-start justify-center px-4 pt-[8vh] pb-12">
        <Card className="w-full max-w-md p-6 sm:p-8">
          {account ? <CodeStep account={account} onCancel={() => setAccount(undefined)} /> : <NameStep onSecondFactor={setAccount} />}
        </Card>
      </main>
    </div>
  );
}

/** What the server says about a sign-in, or that it cannot be asked. */
function useSay() {
  const { t, server } = useTexts();
  return (error: unknown) => (error instanceof ApiError && error.status > 0 && error.status < 500 ? server(error.message) : t('signIn.unavailable'));
}

function useSignIn() {
  const client = useQueryClient();
  return async (username: string, password: string, totpToken?: string) => {
    const reply = await signIn(username, password, totpToken);
    client.clear(); // Nothing that an earlier user was shown.
    startSession(reply);
    if (reply.nodeRedAccess === false && reply.message) toast(reply.message, 'info');
  };
}

function NameStep({ onSecondFactor }: { onSecondFactor: (account: Account) => void }) {
  const { t } = useTexts();
  const enter = useSignIn();
  const { form, submit, problem, busy } = useServerForm({
    schema: signInRules,
    defaults: { username: '', password: '' },
    words: { username: ['user'] },
    say: useSay(),
    send: async ({ username, password }) => {
      try {
        await enter(username, password);
      } catch (error) {
        if (!asksSecondFactor(error)) throw error;
        onSecondFactor({ username, password });
      }
    },
  });
  return (
    <form onSubmit={(event) => void submit(event)} noValidate className="space-y-5">
      <div>
        <h1 className="text-2xl font-semibold">{t('signIn.title')}</h1>
        <p className="mt-1 text-sm text-muted">{t('signIn.text')}</p>
      </div>
      <TextField form={form} name="username" label={t('signIn.username')} required autoComplete="username" autoCapitalize="none" spellCheck={false} autoFocus />
      <PasswordField form={form} name="password" label={t('signIn.password')} required autoComplete="current-password" />
      <Problem text={problem} />
      <Button type="submit" look="primary" icon={LogIn} busy={busy} className="w-full">
        {t('signIn.title')}
      </Button>
    </form>
  );
}

function CodeStep({ account, onCancel }: { account: Account; onCancel: () => void }) {
  const { t } = useTexts();
  const enter = useSignIn();
  const { form, submit, problem, busy } = useServerForm({
    schema: codeRules,
    defaults: { totpToken: '' },
    words: { totpToken: ['2fa', 'code', 'totp'] },
    say: useSay(),
    send: ({ totpToken }) => enter(account.username, account.password, totpToken),
  });
  return (
    <form onSubmit={(event) => void submit(event)} noValidate className="space-y-5">
      <div>
        <h1 className="text-2xl font-semibold">{t('signIn.codeTitle')}</h1>
        <p className="mt-1 text-sm text-muted">{t('signIn.codeText', { name: account.username })}</p>
      </div>
      <CodeField form={form} name="totpToken" label={t('signIn.code')} required autoFocus />
      <Problem text={problem} />
      <div className="flex gap-2">
        <Button icon={ArrowLeft} onClick={onCancel}>
          {t('action.cancel')}
        </Button>
        <Button type="submit" look="primary" busy={busy} className="flex-1">
          {t('signIn.confirm')}
        </Button>
      </div>
    </form>
  );
}

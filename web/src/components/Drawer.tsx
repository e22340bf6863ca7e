// A panel beside the page for one of its things; on a phone it covers the page.

import { X } from 'lucide-react';
import { Dialog } from 'radix-ui';
import type { ReactNode } from 'react';
import { useTexts } from '../i18n';
import { IconButton } from './Button';

interface DrawerProps {
  onClose: () => void;
  title: string;
  badge?: ReactNode;
  description?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}

export function Drawer({ onClose, title, badge, description, actions, children }: DrawerProps) {
  const { t } = useTexts();
  return (
    <Dialog.Root open onOpenChange={(next) => !next && onClose()}>
      <Dialog.Portal>
        <Dialog.Overlay className="fixed inset-0 z-40 bg-black/50 backdrop-blur-[1px]" />
        <Dialog.Content
          className="fixed inset-y-0 right-0 z-50 flex w-full flex-col border-l border-line bg-surface shadow-2xl sm:max-w-2xl"
          {...(description ? {} : { 'aria-describedby': undefined })}
        >
          <header className="flex items-start justify-between gap-4 px-4 pt-4 sm:px-6 sm:pt-6">
            <div className="min-w-0">
              <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
                <Dialog.Title className="text-lg font-semibold break-words">{title}</Dialog.Title>
                {badge}
              </div>
              {description && <Dialog.Description className="mt-1 text-sm text-muted">{description}</Dialog.Description>}
            </div>
            <Dialog.Close asChild>
              <IconButton icon={X} label={t('action.close')} className="-mt-1 -mr-1" />
            </Dialog.Close>
          </header>
          {actions && <div className="flex flex-wrap gap-2 px-4 pt-4 sm:px-6">{actions}</div>}
          <div className="flex min-h-0 flex-1 flex-col px-4 pt-4 sm:px-6">{children}</div>
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

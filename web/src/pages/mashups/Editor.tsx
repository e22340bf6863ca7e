// Node-RED's own editor, in a frame.

import { CloudOff, ExternalLink } from 'lucide-react';
import { useState } from 'react';
import { useParams } from 'react-router';
import { editorUrl } from '../../api/node-red';
import { Badge } from '../../components/Badge';
import { buttonClass } from '../../components/Button';
import { useTitle } from '../../components/Page';
import { Card } from '../../components/Card';
import { Notice } from '../../components/States';
import { useTexts } from '../../i18n';
import { useHealth } from '../home/Services';

export default function Editor() {
  const { t } = useTexts();
  const { id } = useParams();
  const [loaded, setLoaded] = useState(false);
  const health = useHealth();
  const down = health.data?.some((service) => service.name === 'nodeRed' && service.health === 'down') ?? false;
  const address = editorUrl(id);
  useTitle(t('nav.editor'));
  return (
    <div className="flex h-[calc(100dvh-3.5rem)] flex-col md:h-[calc(100dvh-4rem)]">
      <div className="flex flex-wrap items-center gap-3 border-b border-line bg-surface px-4 py-2.5 sm:px-6">
        <h1 className="text-base font-semibold">{t('editor.frame')}</h1>
        <span role="status">
          <Badge tone={down ? 'bad' : loaded ? 'good' : 'neutral'}>{down ? t('editor.down') : loaded ? t('editor.connected') : t('editor.loading')}</Badge>
        </span>
        <code className="hidden min-w-0 flex-1 truncate text-xs text-muted md:block">{new URL(address, window.location.href).href}</code>
        <a href={address} target="_blank" rel="noreferrer" className={buttonClass('secondary', 'sm', 'ml-auto')}>
          <ExternalLink className="size-4" aria-hidden />
          {t('action.newTab')}
        </a>
      </div>
      {down ? (
        <div className="p-4 sm:p-6">
          <Card>
            <Notice role="alert" title={t('state.unreachable', { service: t('service.nodeRed') })} icon={CloudOff} text={t('state.awayHint')} />
          </Card>
        </div>
      ) : (
        <iframe key={address} title={t('editor.frame')} src={address} allow="clipboard-read; clipboard-write" onLoad={() => setLoaded(true)} className="min-h-0 w-full flex-1 bg-white" />
      )}
    </div>
  );
}

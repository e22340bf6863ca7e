// Whether the services answer, in short. The system page tells more.

import { useQuery } from '@tanstack/react-query';
import { ArrowRight } from 'lucide-react';
import { Link } from 'react-router';
import { healthKeys, servicesHealth, type Health } from '../../api/health';
import { Badge, type Tone } from '../../components/Badge';
import { Section } from '../../components/Card';
import { Loaded } from '../../components/States';
import { useTexts } from '../../i18n';

export const HEALTH_TONE: Record<Health, Tone> = { up: 'good', degraded: 'warn', down: 'bad' };
/** A service that went away is noticed within this. */
const HEALTH_EVERY_MS = 30_000;

export function useHealth() {
  return useQuery({ queryKey: healthKeys.all, queryFn: servicesHealth, refetchInterval: HEALTH_EVERY_MS });
}

export function Services() {
  const { t, number } = useTexts();
  return (
    <Section
      title={t('home.services')}
      actions={
        <Link to="/app/system" className="inline-flex items-center gap-1 text-sm font-medium text-accent-text hover:underline">
          {t('home.more')}
          <ArrowRight className="size-4" aria-hidden />
        </Link>
      }
    >
      <Loaded query={useHealth()} rows={3}>
        {(services) => (
          <ul className="divide-y divide-line">
            {services.map((service) => (
              <li key={service.name} className="flex items-center justify-between gap-3 py-2.5">
                <span className="text-sm font-medium">{t(`service.${service.name}`)}</span>
                <span className="flex items-center gap-3">
                  {service.health !== 'down' && <span className="text-xs text-muted tabular-nums">{number(service.latencyMs, 0)} ms</span>}
                  <Badge tone={HEALTH_TONE[service.health]}>{t(`health.${service.health}`)}</Badge>
                </span>
              </li>
            ))}
          </ul>
        )}
      </Loaded>
    </Section>
  );
}

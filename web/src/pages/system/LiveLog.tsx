// The log of a service, as it is written. Can be held; keeps the newest lines only.

import { Pause, Play } from 'lucide-react';
import { useEffect, useLayoutEffect, useRef, useState } from 'react';
import type { ApiError } from '../../api/error';
import { followLog } from '../../api/system';
import { Badge } from '../../components/Badge';
import { Button } from '../../components/Button';
import { Failed, Loading } from '../../components/States';
import { useTexts } from '../../i18n';
import { appended, plain, type Line } from './view';

/** What is asked for at first, and what a browser scrolls without effort. */
const FIRST = 200;
const MOST = 2000;
/** Lines come one by one, some thousand in a second; they are shown together. */
const SHOW_MS = 100;
/** So far from the end still counts as at the end. */
const NEAR_PX = 24;

export function LiveLog({ name }: { name: string }) {
  const { t } = useTexts();
  const { lines, waiting, held, setHeld, live, refused } = useLog(name);
  const box = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);
  useLayoutEffect(() => {
    if (atEnd.current && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [lines]);
  if (refused) return <Failed error={refused} />;
  return (
    <>
      <div className="mb-3 flex flex-wrap items-center justify-between gap-2">
        <Badge tone={live ? 'good' : 'warn'}>{t(live ? 'stack.live' : 'stack.notLive')}</Badge>
        <Button size="sm" icon={held ? Play : Pause} aria-pressed={held} onClick={() => setHeld(!held)}>
          {held ? t('stack.goOn', { n: waiting }) : t('stack.hold')}
        </Button>
      </div>
      {lines === undefined ? (
        <Loading rows={8} />
      ) : (
        <div
          ref={box}
          role="log"
          aria-live="off"
          aria-label={t('stack.logOf', { name })}
          tabIndex={0}
          onScroll={({ currentTarget: { scrollHeight, scrollTop, clientHeight } }) => {
            atEnd.current = scrollHeight - scrollTop - clientHeight < NEAR_PX;
          }}
          className="min-h-40 flex-1 overflow-auto rounded-lg border border-line bg-bg p-3 font-mono text-xs leading-5"
        >
          {lines.length === 0 && <p className="font-sans text-sm text-muted">{t('stack.noLines')}</p>}
          {lines.map((line) => (
            <LogLine key={line.id} line={line} />
          ))}
        </div>
      )}
    </>
  );
}

const CLOCK = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });

function LogLine({ line }: { line: Line }) {
  const from = line.stream === 'reeve' ? 'italic text-info' : line.stream === 'stderr' ? 'text-warn' : '';
  return (
    <div className={`break-words whitespace-pre-wrap ${from}`}>
      <time className="mr-2 text-muted not-italic select-none" dateTime={line.time} title={line.time}>
        {CLOCK.format(new Date(line.time))}
      </time>
      {line.stream === 'reeve' && 'reeve: '}
      {plain(line.text)}
    </div>
  );
}

function useLog(name: string) {
  const [lines, setLines] = useState<Line[]>();
  const [waiting, setWaiting] = useState(0);
  const [held, setHeld] = useState(false);
  const [live, setLive] = useState(false);
  const [refused, setRefused] = useState<ApiError>();
  const isHeld = useRef(held);
  const show = useRef(() => {});
  useEffect(() => {
    isHeld.current = held;
    if (!held) show.current();
  }, [held]);
  useEffect(() => {
    let come: Line[] = [];
    let anew = true;
    let count = 0;
    let due: ReturnType<typeof setTimeout> | undefined;
    show.current = () => {
      due = undefined;
      if (isHeld.current) {
        setWaiting(come.length);
        return;
      }
      const [more, from] = [come, anew];
      come = [];
      anew = false;
      setWaiting(0);
      setLines((before) => appended(from ? [] : (before ?? []), more, MOST));
    };
    const soon = () => {
      due ??= setTimeout(() => show.current(), SHOW_MS);
    };
    const stop = followLog(
      name,
      FIRST,
      () => {
        come = [];
        anew = true;
        soon();
      },
      (line) => {
        come.push({ ...line, id: count++ });
        if (come.length > 2 * MOST) come = come.slice(-MOST);
        soon();
      },
      (state) => {
        setLive(state.kind === 'open');
        if (state.kind === 'refused') setRefused(state.error);
      },
    );
    return () => {
      stop();
      clearTimeout(due);
    };
  }, [name]);
  return { lines, waiting, held, setHeld, live, refused };
}

// How wide an element is, followed.

import { useLayoutEffect, useRef, useState } from 'react';

/** Below it, no label has room. */
const LEAST = 200;

export function useWidth<T extends HTMLElement>(initial = 640): [React.RefObject<T | null>, number] {
  const ref = useRef<T>(null);
  const [width, setWidth] = useState(initial);
  // Before the first paint, or a chart would be drawn twice.
  useLayoutEffect(() => {
    const element = ref.current;
    if (!element) return;
    const measure = (wide: number) => wide > 0 && setWidth(Math.max(LEAST, Math.round(wide)));
    measure(element.getBoundingClientRect().width);
    const observer = new ResizeObserver(([entry]) => {
      if (entry) measure(entry.contentRect.width);
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return [ref, width];
}

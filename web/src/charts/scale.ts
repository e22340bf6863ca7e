// From values to places on a chart. Pure.

export interface Domain {
  min: number;
  max: number;
}

export function domain(values: number[], floor?: number, ceiling?: number): Domain {
  const min = Math.min(...values, floor ?? Infinity);
  const max = Math.max(...values, ceiling ?? -Infinity);
  if (!Number.isFinite(min) || !Number.isFinite(max)) return { min: 0, max: 1 };
  // One value alone stands in the middle.
  return min === max ? { min: min - 1, max: max + 1 } : { min, max };
}

export function place(value: number, { min, max }: Domain, from: number, to: number): number {
  return from + ((value - min) / (max - min)) * (to - from);
}

/** Round numbers within the domain, about as many as wished. */
export function ticks({ min, max }: Domain, wish: number): number[] {
  const raw = (max - min) / Math.max(1, wish);
  const power = 10 ** Math.floor(Math.log10(raw));
  // Quarters only where they are whole.
  const step = (power >= 10 ? [1, 2, 2.5, 5, 10] : [1, 2, 5, 10]).map((factor) => factor * power).find((candidate) => candidate >= raw) ?? raw;
  const found: number[] = [];
  for (let at = Math.ceil(min / step) * step; at <= max + step * 1e-9; at += step) found.push(Number(at.toFixed(10)));
  return found;
}

/** Of places in order, every so manieth, the last one among them, so that each label has so much room. */
export function spaced(places: number[], room: number): number[] {
  for (let stride = 1; stride < places.length; stride += 1) {
    const found = places.filter((_, at) => (places.length - 1 - at) % stride === 0);
    if (found.every((at, index) => index === 0 || at - (found[index - 1] ?? 0) >= room)) return found;
  }
  return places.slice(-1);
}

/**
 * How many events of one function may run at once. It starts small, so that quick functions reuse
 * few environments; doubles while events wait, so that slow functions fan out within a fraction of a
 * second; and steps back when the function is throttled or the host is full. Pure.
 */
export interface Window {
  readonly size: number;
  /** Until then it grows by one a second instead of doubling. */
  readonly cautiousUntil: number;
  readonly grownAt: number;
}

const START = 8;
const GROW_EVERY_MS = 50;
const CAUTIOUS_EVERY_MS = 1_000;
const CAUTIOUS_FOR_MS = 60_000;

export function openWindow(now: number): Window {
  return { size: START, cautiousUntil: 0, grownAt: now };
}

/** When a window with waiting events may grow next. */
export function growsAt(window: Window, now: number): number {
  return window.grownAt + (now < window.cautiousUntil ? CAUTIOUS_EVERY_MS : GROW_EVERY_MS);
}

/** Call while events wait and the window is full. */
export function grow(window: Window, now: number, max: number): Window {
  if (window.size >= max || now < growsAt(window, now)) return window;
  const size = now < window.cautiousUntil ? window.size + 1 : window.size * 2;
  return { ...window, size: Math.min(size, max), grownAt: now };
}

/** `running` is what still runs beside the event that was refused. */
export function shrink(window: Window, now: number, running: number): Window {
  return {
    size: Math.max(1, Math.min(window.size, running)),
    cautiousUntil: now + CAUTIOUS_FOR_MS,
    grownAt: now,
  };
}

/**
 * How many batches of a mapping run at once. Pure.
 *
 * Starts at five, as Lambda's pollers do; grows by one with each batch that went well while all
 * places were taken; halves when the platform refused or the function failed, so that a broken
 * function is not hammered. https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
 */
export interface ConcurrencyWindow {
  readonly size: number;
  readonly max: number;
}

const FIRST = 5;
const SMALLEST = 2;
const DEFAULT_MAX = 1_000;

export function openWindow(maximumConcurrency: number | undefined): ConcurrencyWindow {
  const max = maximumConcurrency ?? DEFAULT_MAX;
  return { size: Math.min(FIRST, max), max };
}

export function after(
  window: ConcurrencyWindow,
  result: "success" | "failure" | "throttled",
  wasFull: boolean,
): ConcurrencyWindow {
  if (result === "success") {
    return wasFull && window.size < window.max ? { ...window, size: window.size + 1 } : window;
  }
  return { ...window, size: Math.max(Math.min(SMALLEST, window.max), Math.floor(window.size / 2)) };
}

/** What a runtime identifier means: which language, which version of it. */
export type RuntimeName =
  | { readonly kind: "python"; readonly runtime: string; readonly minor: number }
  | { readonly kind: "node"; readonly runtime: string; readonly major: number }
  | { readonly kind: "provided"; readonly runtime: string };

/**
 * Runtimes that can be run today, in the order `lambent runtimes` lists them. The ones AWS has
 * deprecated but existing functions still name (nodejs16.x, python3.8 …) run on the nearest version.
 */
export const RUNTIMES: readonly string[] = [
  "nodejs24.x",
  "nodejs22.x",
  "nodejs20.x",
  "nodejs18.x",
  "nodejs16.x",
  "python3.14",
  "python3.13",
  "python3.12",
  "python3.11",
  "python3.10",
  "python3.9",
  "python3.8",
  "provided.al2023",
  "provided.al2",
];

/** The oldest Python that the bootstrap runs on; Lambda's own oldest supported one is 3.10. */
export const PYTHON_MINOR_MIN = 9;

/** Undefined for a language that has no bootstrap here. */
export function parseRuntime(runtime: string): RuntimeName | undefined {
  const python = /^python3\.(\d{1,2})$/.exec(runtime);
  if (python !== null) return { kind: "python", runtime, minor: Number(python[1]) };
  const node = /^nodejs(\d{2})\.x$/.exec(runtime);
  if (node !== null) return { kind: "node", runtime, major: Number(node[1]) };
  if (runtime === "provided.al2" || runtime === "provided.al2023") {
    return { kind: "provided", runtime };
  }
  return undefined;
}

/**
 * The candidate whose version is nearest to the asked one; of two equally near ones the newer,
 * because code written for an older version mostly runs on a newer one. Among candidates of one
 * version the first wins. Undefined when there are none.
 */
export function nearest<T>(
  asked: number,
  candidates: readonly T[],
  versionOf: (candidate: T) => number,
): T | undefined {
  let best: T | undefined;
  for (const candidate of candidates) {
    if (best === undefined) {
      best = candidate;
      continue;
    }
    const distance = Math.abs(versionOf(candidate) - asked);
    const bestDistance = Math.abs(versionOf(best) - asked);
    const newer = versionOf(candidate) > versionOf(best);
    if (distance < bestDistance || (distance === bestDistance && newer)) best = candidate;
  }
  return best;
}

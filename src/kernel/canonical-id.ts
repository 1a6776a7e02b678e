import { createHash } from "node:crypto";

/** Whoever signs nothing is one user, the same to all buckets. */
export const ANONYMOUS_ID = "65a011a29cdf8ec533ec3d1ccaae921c";

const known = new Map<string, string>();
const KNOWN_MAX = 1000;

/** The canonical user id of an account, as S3 names owners and grantees: 64 hex characters, always the same. */
export function canonicalId(accountId: string): string {
  let id = known.get(accountId);
  if (id === undefined) {
    if (known.size >= KNOWN_MAX) known.clear();
    id = createHash("sha256").update(`canonical user of ${accountId}`).digest("hex");
    known.set(accountId, id);
  }
  return id;
}

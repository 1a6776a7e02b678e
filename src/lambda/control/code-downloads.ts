import { createHmac, timingSafeEqual } from "node:crypto";
import type { Clock } from "../../kernel/clock.ts";
import type { BlobStore } from "../../ports/blob-store.ts";
import type { Secrets } from "../../ports/secrets.ts";

/** Where the addresses of Code.Location begin; the rest is an unguessable, expiring token. */
export const CODE_DOWNLOAD_PATH = "/_aws/lambda/code/";

/** AWS's links hold for ten minutes. */
const VALID_MS = 10 * 60 * 1000;

export interface CodeDownload {
  readonly stream: AsyncIterable<Uint8Array>;
  readonly headers: Readonly<Record<string, string>>;
}

export interface CodeDownloads {
  /** Address of an archive under the endpoint the caller came through. */
  location(endpoint: string, blob: string): string;
  /** Undefined when the path is none of ours, was tampered with, has expired, or the code is gone. */
  handle(path: string): Promise<CodeDownload | undefined>;
}

/** The token carries blob and expiry, signed with a key derived from the data folder's: nothing is stored. */
export function codeDownloadsOf(blobs: BlobStore, secrets: Secrets, clock: Clock): CodeDownloads {
  const key = secrets.derive("lambda-code-download");
  const sign = (payload: string): string => createHmac("sha256", key).update(payload).digest("hex");

  return {
    location(endpoint, blob) {
      const payload = `${blob}-${clock.now() + VALID_MS}`;
      return `${endpoint}${CODE_DOWNLOAD_PATH}${payload}-${sign(payload)}`;
    },
    async handle(path) {
      if (!path.startsWith(CODE_DOWNLOAD_PATH)) return undefined;
      const match = /^([0-9a-f]{64})-(\d{1,16})-([0-9a-f]{64})$/.exec(path.slice(CODE_DOWNLOAD_PATH.length));
      if (match === null) return undefined;
      const [, blob = "", expires = "", signature = ""] = match;
      const expected = sign(`${blob}-${expires}`);
      if (!timingSafeEqual(Buffer.from(signature), Buffer.from(expected))) return undefined;
      if (Number(expires) < clock.now()) return undefined;
      const stream = await blobs.stream(blob);
      if (stream === undefined) return undefined;
      return {
        stream,
        headers: {
          "content-type": "application/zip",
          "content-disposition": `attachment; filename="${blob.slice(0, 16)}.zip"`,
        },
      };
    },
  };
}

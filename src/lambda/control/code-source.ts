import { ServiceError } from "../../kernel/errors.ts";
import { LIMITS } from "../../kernel/limits.ts";
import type { Scope } from "../../kernel/scope.ts";
import type { PeerCaller, Peers } from "../../ports/peers.ts";
import { invalidParameter } from "./errors.ts";

/** Where a request says its archive is, beside ZipFile. */
export interface CodeLocation {
  readonly bucket: string | undefined;
  readonly key: string | undefined;
  readonly versionId: string | undefined;
}

/** Fetches an archive from S3 as the one who makes the request. */
export interface CodeSource {
  /**
   * Errors: InvalidParameterValueException and AccessDeniedException in Lambda's words for what S3 said.
   */
  fetch(location: CodeLocation, caller: PeerCaller, scope: Scope): Promise<Uint8Array>;
}

export function createCodeSource(peers: () => Peers): CodeSource {
  return {
    async fetch({ bucket, key, versionId }, caller, { accountId, region }) {
      if (bucket === undefined || key === undefined) {
        throw invalidParameter("Please provide a source for function code.");
      }
      const input = {
        Bucket: bucket,
        Key: key,
        ...(versionId === undefined ? {} : { VersionId: versionId }),
      };
      try {
        const answer = await peers().call({
          service: "s3",
          operation: "GetObject",
          input,
          scope: { accountId, region },
          as: { kind: "caller", caller },
        });
        return await collect(answer["Body"]);
      } catch (error) {
        throw translated(error, bucket, key);
      }
    },
  };
}

/** The archive as a whole; what is larger than unpacked code may be cannot be an archive of such. */
async function collect(body: unknown): Promise<Uint8Array> {
  if (body instanceof Uint8Array) return body;
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > LIMITS.unzippedCodeBytes) {
      throw invalidParameter(`Unzipped size must be smaller than ${LIMITS.unzippedCodeBytes} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function translated(error: unknown, bucket: string, key: string): unknown {
  if (!(error instanceof ServiceError) || error.code === "InvalidParameterValueException") return error;
  const what = `S3 Error Code: ${error.code}. S3 Error Message: ${error.message}`;
  if (error.code === "AccessDenied") {
    return new ServiceError(
      "AccessDeniedException",
      403,
      `Your access has been denied by S3, please make sure your request credentials have permission to GetObject for ${bucket}/${key}. ${what}`,
      { members: { Type: "User" } },
    );
  }
  return invalidParameter(
    `Error occurred while GetObject. ${what}`,
    `aws s3 ls s3://${bucket}/ lists what is in the bucket`,
  );
}

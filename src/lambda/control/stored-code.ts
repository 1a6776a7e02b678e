/** A function's archive, checked and made durable before any row names it. */
import { LIMITS } from "../../kernel/limits.ts";
import type { FunctionCode } from "../model/function.ts";
import { digestOf } from "./code-blobs.ts";
import type { ControlContext } from "./deps.ts";
import { invalidParameter, requestEntityTooLarge } from "./errors.ts";

/** An archive that came with the request, or how to get it. */
export type Archive = Uint8Array | (() => Promise<Uint8Array>);

/** Code that is not swept until this is disposed of: when the row that names it is committed, or will not be. */
export interface StoredCode extends Disposable {
  readonly code: FunctionCode;
}

/**
 * Checks an archive and makes it durable before anything refers to it.
 * Errors: RequestEntityTooLargeException (50 MB), InvalidParameterValueException (no archive, 250 MB unzipped).
 */
export async function storeCode(
  context: ControlContext,
  archive: Archive | undefined,
  dryRun = false,
): Promise<StoredCode> {
  if (archive === undefined) throw invalidParameter("Please provide a source for function code.");
  const isDirect = archive instanceof Uint8Array;
  const zip = isDirect ? archive : await archive();
  if (zip.byteLength === 0) throw invalidParameter("Uploaded file must be a non-empty zip");
  // The limit of the zipped size is one of the request; S3 is the way around it.
  if (isDirect && zip.byteLength > LIMITS.zippedCodeBytes) {
    throw requestEntityTooLarge(`Zipped size must be smaller than ${LIMITS.zippedCodeBytes} bytes`);
  }
  const { unzippedBytes } = await context.inspectZip(zip);
  if (unzippedBytes > LIMITS.unzippedCodeBytes) {
    throw invalidParameter(`Unzipped size must be smaller than ${LIMITS.unzippedCodeBytes} bytes`);
  }
  const held = dryRun ? undefined : await context.codeBlobs.put(zip);
  const sha256 = held?.sha256 ?? (await digestOf(zip));
  return {
    code: {
      blob: sha256,
      codeSha256: Buffer.from(sha256, "hex").toString("base64"),
      codeSize: zip.byteLength,
    },
    [Symbol.dispose]: () => held?.[Symbol.dispose](),
  };
}

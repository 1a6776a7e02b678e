/**
 * What a function says of a batch. Pure.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
 */

/** Everything went well, everything failed, or these items failed. */
export type BatchReport = "success" | "failure" | ReadonlySet<string>;

/**
 * Reads the answer of a function that reports failures item by item. No list, an empty list, `null`
 * and `{}` are success. An answer that is no JSON, an identifier that is empty, null, missing or of
 * no item of the batch fails everything.
 */
export function batchReport(payload: Uint8Array, items: ReadonlySet<string>): BatchReport {
  let answer: unknown;
  try {
    const text = Buffer.from(payload).toString("utf8");
    answer = text === "" ? null : JSON.parse(text);
  } catch {
    return "failure";
  }
  if (answer === null || typeof answer !== "object") return "success";
  const failures = (answer as { batchItemFailures?: unknown }).batchItemFailures;
  if (failures === undefined || failures === null) return "success";
  if (!Array.isArray(failures)) return "failure";
  const failed = new Set<string>();
  for (const failure of failures as readonly unknown[]) {
    const id = (failure as { itemIdentifier?: unknown } | null)?.itemIdentifier;
    if (typeof id !== "string" || !items.has(id)) return "failure";
    failed.add(id);
  }
  return failed.size === 0 ? "success" : failed;
}

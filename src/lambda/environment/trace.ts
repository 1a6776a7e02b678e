import type { XRayTrace } from "../observe/platform-lines.ts";

/** `Root=1-…;Parent=…;Sampled=1` as the XRAY line of REPORT tells it. */
export function traceOf(header: string | undefined): XRayTrace | undefined {
  if (header === undefined) return undefined;
  const fields = new Map(header.split(";").map((field) => field.split("=", 2) as [string, string]));
  const traceId = fields.get("Root");
  if (traceId === undefined) return undefined;
  return { traceId, segmentId: fields.get("Parent") ?? "", sampled: fields.get("Sampled") === "1" };
}

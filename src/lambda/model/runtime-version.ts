import { createHash } from "node:crypto";
import { partitionOf } from "../../kernel/scope.ts";

/**
 * The ARN of a runtime's version, as the configuration and the line INIT_START show it. Runtimes are
 * not versioned here, so it is one ARN for every function of a runtime.
 */
export function runtimeVersionArn(region: string, runtime: string): string {
  const id = createHash("sha256").update(`lambent-runtime/${runtime}`).digest("hex");
  return `arn:${partitionOf(region)}:lambda:${region}::runtime:${id}`;
}

import { appendFileSync } from "node:fs";
import process from "node:process";
import type { RequestRecord } from "../aws/gateway/gateway.ts";

/**
 * For tests: with LAMBENT_RECORD_OPERATIONS each first outcome of an operation is appended to that file,
 * as `service operation outcome` where the outcome is `success` or the error's code. The compatibility
 * table is made of it.
 */
export class OperationRecord {
  readonly #path: string;
  readonly #seen = new Set<string>();

  private constructor(path: string) {
    this.#path = path;
  }

  static fromEnvironment(): OperationRecord | undefined {
    const path = process.env["LAMBENT_RECORD_OPERATIONS"];
    return path === undefined || path === "" ? undefined : new OperationRecord(path);
  }

  note({ service, operation, errorCode }: RequestRecord): void {
    const line = `${service} ${operation} ${errorCode ?? "success"}\n`;
    if (service === "" || this.#seen.has(line)) return;
    this.#seen.add(line);
    appendFileSync(this.#path, line);
  }
}

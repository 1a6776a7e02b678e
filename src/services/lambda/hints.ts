import type { ServiceError } from "../../kernel/errors.ts";
import type { Scope } from "../../kernel/scope.ts";
import { roleHint } from "../../lambda/control/validate.ts";

/**
 * The next step for refusals that the gateway's validator makes before an operation runs, where only
 * Lambda knows what the caller meant. Undefined when there is nothing helpful to say.
 */
export function hintForRefusal(
  input: Readonly<Record<string, unknown>>,
  error: ServiceError,
  scope: Scope,
): string | undefined {
  if (error.hint !== undefined || error.code !== "ValidationException") return undefined;
  if (error.message.includes("at 'role'") && typeof input["Role"] === "string") {
    return roleHint(input["Role"], scope.accountId);
  }
  if (error.message.includes("at 'functionName'")) {
    return "Pass a function name (letters, digits, - and _), or an ARN as get-function answers it.";
  }
  if (error.message.includes("at 'timeout'")) return "A function may run for at most 900 seconds.";
  return undefined;
}

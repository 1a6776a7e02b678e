import { constants } from "node:os";

/** Name of a signal number, as Node spells it: 9 -> SIGKILL. */
export function signalName(number: number): string {
  const found = Object.entries(constants.signals).find(([, value]) => value === number);
  return found === undefined ? `SIG${number}` : found[0];
}

/** Exit codes, as scripts may rely on them. */
export const EXIT = {
  ok: 0,
  userError: 1,
  notRunning: 2,
  functionError: 3,
  unsupported: 4,
  environment: 5,
} as const;

/** A failure told to the user in a sentence, with what to do next. Anything else that is thrown is a bug. */
export class Fault extends Error {
  override name = "Fault";
  readonly exitCode: number;
  readonly next: string | undefined;

  constructor(exitCode: number, message: string, next?: string) {
    super(message);
    this.exitCode = exitCode;
    this.next = next;
  }
}

export function userError(message: string, next?: string): Fault {
  return new Fault(EXIT.userError, message, next);
}

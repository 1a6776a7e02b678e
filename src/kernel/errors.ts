/**
 * A failure the caller is told about in AWS's words. `code` is spelled as the AWS model spells it
 * (`ResourceNotFoundException`), `status` is the HTTP status, `members` are the extra fields of the
 * modelled error (`Type`, `Reason`, …). `hint` never goes into AWS's body: it is sent beside it in
 * the `x-lambent-hint` header and says what to do next.
 */
export class ServiceError extends Error {
  readonly code: string;
  readonly status: number;
  readonly members: Readonly<Record<string, unknown>>;
  readonly hint: string | undefined;
  /** Beside those that the model binds members to: `x-amz-delete-marker`. */
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    code: string,
    status: number,
    message: string,
    options: {
      members?: Readonly<Record<string, unknown>>;
      hint?: string;
      headers?: Readonly<Record<string, string>>;
      cause?: unknown;
    } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = code;
    this.code = code;
    this.status = status;
    this.members = options.members ?? {};
    this.hint = options.hint;
    this.headers = options.headers ?? {};
  }
}

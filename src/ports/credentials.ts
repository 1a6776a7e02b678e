import type { Scope } from "../kernel/scope.ts";

export interface SessionCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  readonly expirationMs: number;
}

/** Gives functions the short-lived credentials of their execution role (ASIA…), as STS would. */
export interface CredentialIssuer {
  issueForRole(
    scope: Scope,
    roleArn: string,
    sessionName: string,
    durationSeconds: number,
  ): SessionCredentials;
}

/**
 * What the harnesses of single services share: who calls, calls below the wire but through validation, and
 * the evidence for the compatibility table.
 */
import { OperationRecord } from "../../src/app/operation-record.ts";
import { createDispatch, type DispatchOptions } from "../../src/aws/dispatch.ts";
import type { Caller } from "../../src/aws/service.ts";
import { ServiceError } from "../../src/kernel/errors.ts";

/** Output fields are looked at as JSON: what is asserted says what they are. */
// oxlint-disable-next-line typescript/no-explicit-any
export type Output = any;

export const ACCOUNT = "123456789012";
export const REGION = "eu-west-1";
const CALLER: Caller = {
  accessKeyId: "LKIAROOT",
  kind: "user",
  arn: `arn:aws:iam::${ACCOUNT}:user/tester`,
  userId: "AIDATESTER",
  verified: true,
};

const evidence = OperationRecord.fromEnvironment();
const SEEN = { status: 200, ms: 0, requestId: "r", accountId: "", region: "", fromSandbox: false } as const;

/** For the table: an error's code, or something a test showed of an operation beside its outcome. */
export function saw(service: string, operation: string, outcome?: string): void {
  evidence?.note({
    ...SEEN,
    service,
    operation,
    ...(outcome === undefined ? {} : { errorCode: outcome }),
  });
}

export interface CallOptions {
  readonly region?: string;
  readonly signal?: AbortSignal;
}

/** Calls operations of the services; errors are the ServiceErrors that would have gone onto the wire. */
export type Call = (
  service: string,
  operation: string,
  input: object,
  options?: CallOptions,
) => Promise<Output>;

export function createCall(options: Omit<DispatchOptions, "endpoint">): Call {
  const dispatch = createDispatch({ ...options, endpoint: () => "http://127.0.0.1:4566" });
  return async (service, operation, input, { region = REGION, signal } = {}) => {
    try {
      const output = await dispatch.call({
        service,
        operation,
        input: input as Record<string, unknown>,
        scope: { accountId: ACCOUNT, region },
        caller: CALLER,
        ...(signal === undefined ? {} : { signal }),
      });
      saw(service, operation);
      // A page that was asked for by the token of the one before it.
      if ("NextToken" in input) saw(service, operation, "pagination");
      return output;
    } catch (error) {
      if (error instanceof ServiceError) saw(service, operation, error.code);
      throw error;
    }
  };
}

import type * as sdk from "@aws-sdk/client-lambda";
import { OperationRecord } from "../../src/app/operation-record.ts";
import type { RequestRecord } from "../../src/aws/gateway/gateway.ts";
import type { OperationInput, OperationOutput, Service } from "../../src/aws/service.ts";
import { ServiceError } from "../../src/kernel/errors.ts";
import type { FunctionInvoker, InvocationOutcome, InvokeRequest } from "../../src/lambda/model/invocation.ts";
import { createLambdaService } from "../../src/services/lambda/index.ts";
import { type Bench, bench, requestContext } from "./lambda-fixture.ts";

type Lambda = typeof sdk;

const evidence = OperationRecord.fromEnvironment();

/** What a test saw of an operation: `success`, an error's code, `pagination` or `persistence`. */
export function saw(operation: string, outcome: string): void {
  const errorCode = outcome === "success" ? {} : { errorCode: outcome };
  evidence?.note({ service: "lambda", operation, ...errorCode } as RequestRecord);
}

/** A refusal as a client sees it, the same whichever way the call took. */
export interface Refusal {
  readonly code: string;
  readonly status: number;
  readonly message: string;
  readonly type: string | undefined;
}

export interface LambdaApi extends Bench {
  readonly service: Service;
  /** What reached the invoker. */
  readonly invoked: InvokeRequest[];
  readonly queued: InvokeRequest[];
  outcome: Partial<InvocationOutcome>;
  call<Op extends string>(
    operation: Op,
    input: OperationInput<Lambda, Op>,
  ): Promise<OperationOutput<Lambda, Op>>;
  /** Fails when the call succeeds. */
  refused<Op extends string>(operation: Op, input: OperationInput<Lambda, Op>): Promise<Refusal>;
  /** Waits until the function is Active and updated. */
  settled(functionName: string): Promise<sdk.FunctionConfiguration>;
}

/** The operations called as the gateway calls them once it has decoded and validated a request. */
export function lambdaApi(over: Parameters<typeof bench>[0] = {}): LambdaApi {
  const made = bench(over);
  const invoked: InvokeRequest[] = [];
  const queued: InvokeRequest[] = [];
  const invoker: FunctionInvoker = {
    async invoke(request) {
      invoked.push(request);
      const resolved = await made.control.resolver.resolve(
        request.scope,
        request.functionName,
        request.qualifier,
        0.5,
      );
      return {
        kind: "success",
        requestId: request.requestId ?? "",
        executedVersion: resolved.version.version,
        payload: request.payload,
        logTail: "",
        durationMs: 1,
        coldStart: false,
        ...api.outcome,
      } as InvocationOutcome;
    },
    async invokeAsync(request) {
      queued.push(request);
      return request.requestId ?? "";
    },
  };
  const service = createLambdaService(made.control, invoker);
  const api: LambdaApi = {
    ...made,
    service,
    invoked,
    queued,
    outcome: {},
    async call(operation, input) {
      const handler = service.operations[operation];
      if (handler === undefined) throw new Error(`${operation} is not an operation`);
      const output = await handler(input as never, requestContext({ operation }));
      saw(operation, "success");
      return output as never;
    },
    async refused(operation, input) {
      try {
        await api.call(operation, input);
      } catch (error) {
        if (!(error instanceof ServiceError)) throw error;
        saw(operation, error.code);
        const type = error.members["Type"];
        return {
          code: error.code,
          status: error.status,
          message: error.message,
          type: type === undefined ? undefined : String(type),
        };
      }
      throw new Error(`${operation} was not refused`);
    },
    async settled(functionName) {
      await made.control.whenSettled(requestContext(), functionName);
      return api.call("GetFunctionConfiguration", { FunctionName: functionName });
    },
  };
  return api;
}

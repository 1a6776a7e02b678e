import type { Scope } from "../kernel/scope.ts";

/** Who asks when one part of the product calls another's API: it decides what is allowed. */
export type PeerIdentity =
  /** What an execution role may do, its policies decide. */
  | { readonly kind: "role"; readonly arn: string; readonly sessionName: string }
  /** What an AWS service may do, the resource's policy decides (aws:SourceArn, aws:SourceAccount). */
  | {
      readonly kind: "service";
      /** E.g. `s3.amazonaws.com`. */
      readonly principal: string;
      readonly sourceArn: string;
      readonly sourceAccount: string;
    }
  /** Who made the request that this call serves: its own policies decide. */
  | { readonly kind: "caller"; readonly caller: PeerCaller };

/** A principal as the gateway has found it. */
export interface PeerCaller {
  readonly kind: "root" | "user" | "role" | "anonymous" | "service";
  readonly accessKeyId: string | undefined;
  readonly arn: string;
  readonly userId: string;
  readonly verified: boolean;
}

export interface PeerCall {
  /** Key of the service's table: `sqs`, `sns`, `events`, `lambda`, … */
  readonly service: string;
  readonly operation: string;
  /** The operation's input as the SDK of JavaScript spells it: blobs are Uint8Array, times are Date. */
  readonly input: Readonly<Record<string, unknown>>;
  /** Account and region of the resource. */
  readonly scope: Scope;
  readonly as: PeerIdentity;
  /** X-Amzn-Trace-Id of what led to this call. */
  readonly traceHeader?: string;
  /** Ends a wait (long polls). */
  readonly signal?: AbortSignal;
  /** Told what is missing when the call is allowed here and AWS would refuse it. */
  readonly onHint?: (hint: string) => void;
}

/**
 * The other services, as the core and the relays see them: the operations of AWS's API, through the
 * same authorization and validation as a request from outside. In one process they are dispatched
 * without the wire; another adapter may call a real endpoint.
 * Errors: the ServiceError of the operation, as it would go onto the wire (AccessDenied included).
 */
export interface Peers {
  call(call: PeerCall): Promise<Readonly<Record<string, unknown>>>;
  /** Asks only whether the call would be allowed. Errors: the AccessDenied of `call`. */
  permit(call: PeerCall): Promise<void>;
}

import type { Clock } from "../kernel/clock.ts";
import type { ServiceError } from "../kernel/errors.ts";
import type { Logger } from "../kernel/log.ts";
import type { Random } from "../kernel/random.ts";
import type { Scope } from "../kernel/scope.ts";

/** Who signed the request, as far as it is known. */
export interface Caller {
  readonly accessKeyId: string | undefined;
  /**
   * `root` is the account itself (also for unknown keys outside enforce mode); `service` is an AWS
   * service that calls for one of its resources, and its ARN is the principal (`s3.amazonaws.com`).
   */
  readonly kind: "root" | "user" | "role" | "anonymous" | "service";
  readonly arn: string;
  readonly userId: string;
  readonly verified: boolean;
  /** For `service`: what it calls for (aws:SourceArn, aws:SourceAccount). */
  readonly source?: { readonly arn: string; readonly accountId: string };
  /** Of temporary credentials: what STS was told when it made them. */
  readonly session?: CallerSession;
}

export interface CallerSession {
  /** With its path, which the session's own ARN leaves out. */
  readonly roleArn?: string;
  /** JSON text; it restricts the session further. */
  readonly policy?: string;
  readonly policyArns?: readonly string[];
  readonly tags?: Readonly<Record<string, string>>;
  readonly sourceIdentity?: string;
}

/** What an operation may know of its request beside its decoded input. */
export interface RequestContext extends Scope {
  readonly requestId: string;
  readonly service: string;
  readonly operation: string;
  readonly caller: Caller;
  /** Base URL at which the caller reached the endpoint, e.g. `http://127.0.0.1:4566`. */
  readonly endpoint: string;
  /** Host name of the sandbox-side or user-side; true when the call came from inside a sandbox. */
  readonly fromSandbox: boolean;
  /**
   * Where the caller's connection came from, without IPv6's prefix for IPv4; of a sandbox a private
   * address, as AWS shows of a function within a VPC. Undefined within the process.
   */
  readonly sourceIp?: string | undefined;
  /** Aborts when the caller hangs up. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Lower-case header names. For the few operations whose meaning is in unmodelled headers. */
  readonly headers: Readonly<Record<string, string | undefined>>;
}

export type OperationHandler<Input, Output> = (
  input: Input,
  context: RequestContext,
) => Promise<Output> | Output;

type CommandNames<Client> = {
  [K in keyof Client]: K extends `${infer Op}Command` ? Op : never;
}[keyof Client];

/**
 * The shapes of one operation, read from the AWS SDK's command classes (type-only): a wrong name,
 * input or output is a compile error at the operation.
 */
type CommandOf<Client, Op extends string> =
  Client extends Record<`${Op}Command`, abstract new (...args: never[]) => infer Command> ? Command : never;

export type OperationInput<Client, Op extends string> =
  CommandOf<Client, Op> extends {
    readonly input: infer Input;
  }
    ? Input
    : never;

export type OperationOutput<Client, Op extends string> =
  CommandOf<Client, Op> extends {
    resolveMiddleware(...args: never[]): (args: never) => Promise<{ output: infer Output }>;
  }
    ? Omit<Output, "$metadata">
    : never;

export type Operations<Client> = {
  readonly [Op in CommandNames<Client> & string]?: OperationHandler<
    OperationInput<Client, Op>,
    OperationOutput<Client, Op>
  >;
};

export interface RawRequest {
  readonly method: string;
  /** Still percent-encoded, without the query. */
  readonly path: string;
  readonly query: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Uint8Array;
}

export interface RawResponse {
  readonly status: number;
  /** The gateway's from here on: it adds its own. */
  readonly headers: Record<string, string>;
  readonly body: Uint8Array | string;
}

/**
 * An operation hot enough to go past the codec: the gateway identifies, guards and authenticates as
 * always, then hands over the bytes. A test holds it equal to the operation of the same name.
 */
export interface ShortPath {
  readonly operation: string;
  /** The path's labels when this request is the operation's, else undefined. */
  match(method: string, path: string): Readonly<Record<string, string>> | undefined;
  /** There is no room for this request now; asked before anything is spent on it. */
  isFull?(headers: RawRequest["headers"]): boolean;
  /** What a request is told that found no room, whoever sent it; the same error each time. */
  refusal?(): ServiceError;
  handle(
    labels: Readonly<Record<string, string>>,
    request: RawRequest,
    context: RequestContext,
  ): Promise<RawResponse>;
}

/**
 * What IAM has to know of one operation, as the Service Authorization Reference lists it. Pure: it
 * may look at the input and nothing else.
 */
export interface AccessRule {
  /** Actions that must be allowed, `<prefix>:<operation>` unless said. E.g. `s3:GetObject` for HeadObject. */
  readonly actions?: (input: Readonly<Record<string, unknown>>) => readonly string[];
  /** ARNs the actions are asked for; `["*"]` where the action has no resource. */
  readonly resources: (input: Readonly<Record<string, unknown>>, scope: Scope) => readonly string[];
  /** Condition keys of the service beyond the global ones, e.g. `s3:prefix`. Absent values are left out. */
  readonly conditions?: (
    input: Readonly<Record<string, unknown>>,
    scope: Scope,
  ) => Readonly<Record<string, string | readonly string[] | undefined>>;
  /** What must be allowed besides, of this or another service: `iam:PassRole` on the role handed over. */
  readonly also?: (input: Readonly<Record<string, unknown>>, scope: Scope) => readonly AccessNeed[];
  /** A role that an AWS service is to act as: it must exist and trust that service. */
  readonly assumes?: (input: Readonly<Record<string, unknown>>) => AssumedRole | undefined;
}

export interface AssumedRole {
  readonly roleArn: string;
  /** `lambda.amazonaws.com`. */
  readonly by: string;
  readonly refusal: (hint: string) => ServiceError;
}

export interface AccessNeed {
  readonly actions: readonly string[];
  readonly resources: readonly string[];
  readonly conditions?: Readonly<Record<string, string | readonly string[] | undefined>>;
}

/** One action on one resource, and the operation that asks for it. */
export interface AskedAccess {
  readonly operation: string;
  readonly action: string;
  readonly resource: string;
  readonly conditions: Readonly<Record<string, string | readonly string[] | undefined>>;
}

/** An access control list, told as a policy. */
export interface AccessList {
  /** JSON text. */
  readonly policy: string;
  /** There is nothing that a list could speak of: those it would allow are told so. */
  readonly missing?: ServiceError;
}

export interface ServiceAccess {
  /** The part before the colon of its actions: `lambda`, `sqs`, `events`. */
  readonly prefix: string;
  /** By operation. One without a rule asks for `<prefix>:<operation>` on `*`. */
  readonly rules: Readonly<Record<string, AccessRule>>;
  /** JSON text of the policy attached to a resource (queue, topic, bucket, function), if it has one. */
  readonly resourcePolicy?: (
    arn: string,
    asked?: AskedAccess,
  ) => Promise<string | undefined> | string | undefined;
  /** What allows besides. Asked for only where nothing else allows and nothing denies. */
  readonly acl?: (asked: AskedAccess) => Promise<AccessList | undefined>;
  /**
   * What must be allowed besides, where that depends on what is there: who may not list a bucket is not
   * told which keys it lacks. Asked once everything else is allowed; not of the account itself.
   */
  readonly lateNeeds?: (
    operation: string,
    input: Readonly<Record<string, unknown>>,
  ) => Promise<readonly AccessNeed[]>;
  /** The whole ARN where an input names only a part of it: IAM's paths. */
  readonly fullArn?: (arn: string) => Promise<string> | string;
  /** Tags of a resource (aws:ResourceTag/…); asked for only where a policy speaks of them. */
  readonly resourceTags?: (
    arn: string,
    asked?: AskedAccess,
  ) => Promise<Readonly<Record<string, string>>> | Readonly<Record<string, string>>;
  /** Condition keys that speak of them; `aws:ResourceTag` and `<prefix>:ResourceTag` unless said. */
  readonly tagKeys?: readonly string[];
  /** Whose a resource is whose ARN names no account: buckets. The caller's account when it is not said. */
  readonly ownerOf?: (arn: string, asked?: AskedAccess) => Promise<string | undefined> | string | undefined;
}

/** A request of a web page, or its preflight, to a path that may be a bucket's. */
export interface CrossOriginRequest {
  /** The bucket that the Host names. */
  readonly hostBucket: string | undefined;
  /** Percent-encoded. */
  readonly path: string;
  /** Undefined only for an OPTIONS request, which cannot be a preflight then; so is `method`. */
  readonly origin: string | undefined;
  /** Of the request itself, also in its preflight. */
  readonly method: string | undefined;
  /** Names that a preflight asks for. */
  readonly headers?: readonly string[];
  readonly isPreflight: boolean;
}

export interface CrossOriginAnswer {
  /** Headers of the answer; undefined when no rule allows the request. */
  readonly headers: Readonly<Record<string, string>> | undefined;
  /** Everybody may read the bucket: pages may, too, without a signature. */
  readonly isPublic: boolean;
  /** What a preflight that is not allowed is told. */
  readonly refusal?: ServiceError;
  /** There are no rules: pages that the endpoint itself lets in need none. */
  readonly isWithoutRules?: boolean;
}

/** A browser's form sent to a bucket (multipart/form-data), of which nothing has been read. */
export interface FormUpload {
  readonly bucket: string;
  readonly contentType: string;
  readonly body: AsyncIterable<Uint8Array>;
}

/** Authenticates and authorizes by the form's own fields (lower-case names); throws AWS's refusals. */
export type FormAdmission = (
  fields: ReadonlyMap<string, string>,
  input: Readonly<Record<string, unknown>>,
) => Promise<RequestContext>;

/** A request that has been answered, as a log of accesses tells it. */
export interface AnsweredRequest {
  /** The bucket that the Host names. */
  readonly hostBucket: string | undefined;
  readonly isWebsite: boolean;
  readonly method: string;
  /** Percent-encoded. */
  readonly path: string;
  readonly query: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly signature: "SigV4" | "SigV2" | undefined;
  readonly isPresigned: boolean;
  readonly sourceIp: string;
  readonly accountId: string;
  /** Undefined for one that was refused before it was known who asked. */
  readonly caller: Caller | undefined;
  readonly requestId: string;
  readonly receivedMs: number;
  readonly ms: number;
  readonly status: number;
  readonly errorCode: string | undefined;
  /** Headers of the answer, lower case. */
  readonly answered: Readonly<Record<string, string | undefined>>;
}

/** A request to the website that a bucket is. */
export interface WebsiteRequest {
  readonly bucket: string;
  readonly method: string;
  /** Percent-encoded. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** With its port. */
  readonly host: string;
  readonly requestId: string;
}

export interface WebsiteAnswer {
  /** 200 for an object: its own status is sent. */
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Sent instead of the body: what an operation answered. */
  readonly object?: { readonly operation: string; readonly output: Readonly<Record<string, unknown>> };
}

/** Authorizes what nobody in particular asks for; throws AWS's refusals. */
export type WebsiteAdmission = (
  operation: string,
  input: Readonly<Record<string, unknown>>,
) => Promise<RequestContext>;

/**
 * One AWS API. `name` is the key of its generated table (`lambda`, `sts`, `iam`, `logs`). An
 * operation that is absent answers "not implemented by Lambent", never a fake success.
 */
export interface Service {
  readonly name: string;
  readonly operations: Readonly<Record<string, OperationHandler<never, unknown>>>;
  readonly shortPaths?: readonly ShortPath[];
  /** What the policy evaluator asks of it. */
  readonly access?: ServiceAccess;
  /** Takes forms: what no operation of the model is. */
  readonly formUpload?: (upload: FormUpload, admit: FormAdmission) => Promise<RawResponse>;
  /** Serves its buckets as websites, under names of their own. */
  readonly website?: (request: WebsiteRequest, admit: WebsiteAdmission) => Promise<WebsiteAnswer>;
  /** Told of every request once it is answered. Must not wait and not throw. */
  readonly answered?: (tell: () => AnsweredRequest) => void;
  /** CORS rules of its resources; undefined where there are none. */
  readonly crossOrigin?: (request: CrossOriginRequest) => Promise<CrossOriginAnswer | undefined>;
  /** The next step for a refusal of the gateway's validator, where only the service knows what was meant. */
  readonly hintFor?: (
    input: Readonly<Record<string, unknown>>,
    refusal: ServiceError,
    scope: Scope,
  ) => string | undefined;
}

/** The one place where the types of a service's operations are erased. */
export function defineService<Client>(
  name: string,
  operations: Operations<Client>,
  shortPaths: readonly ShortPath[] = [],
): Service {
  return { name, operations: operations as unknown as Service["operations"], shortPaths };
}

/** https://docs.aws.amazon.com/STS/latest/APIReference/ */
import type { AssumeRoleRequest, Credentials } from "@aws-sdk/client-sts";
import type { Operations, RequestContext } from "../../aws/service.ts";
import type { SessionCredentials } from "../../ports/credentials.ts";
import { type Directory, type DirectoryRole, idOfUnknownRole } from "./directory.ts";
import * as errors from "./errors.ts";
import * as model from "./model.ts";
import type { Session, SessionSealer } from "./session.ts";

export interface OperationDeps {
  readonly sealer: SessionSealer;
  readonly directory: Directory;
  /** Roles that do not exist here may be assumed (IAM modes off and warn). */
  readonly lenient: boolean;
}

type Sts = Operations<typeof import("@aws-sdk/client-sts")>;

export function operations(deps: OperationDeps): Sts {
  return {
    GetCallerIdentity(_input, context) {
      return { UserId: context.caller.userId, Account: context.accountId, Arn: context.caller.arn };
    },

    async AssumeRole(input, context) {
      refuseUnsupported(input);
      const role = model.parseRoleArn(input.RoleArn ?? "");
      const sessionName = input.RoleSessionName ?? "";
      model.checkSessionName(sessionName);
      const seconds = model.durationSeconds(input.DurationSeconds, model.ROLE_SESSION_SECONDS);
      const calling = callingSession(deps.sealer, context);
      const tags = model.sessionTags(input.Tags ?? [], input.TransitiveTagKeys ?? [], tagsOf(calling));
      const extras = sessionExtras(input, tags, calling);
      const known = await findRole(deps, role, context);
      const max = known?.maxSessionSeconds ?? model.ROLE_SESSION_SECONDS.max;
      model.checkRoleDuration(seconds, max, calling?.kind === "role");
      const roleId = known?.roleId ?? idOfUnknownRole(role.arn);
      const expiryMs = context.clock.now() + seconds * 1000;
      const who = {
        accountId: role.accountId,
        kind: "role",
        roleArn: role.arn,
        roleId,
        sessionName,
      } as const;
      const credentials = deps.sealer.seal({ ...who, expiryMs, ...extras.session });
      const arn = `arn:${role.partition}:sts::${role.accountId}:assumed-role/${role.roleName}/${sessionName}`;
      const user = { AssumedRoleId: `${roleId}:${sessionName}`, Arn: arn };
      return { Credentials: onTheWire(credentials), AssumedRoleUser: user, ...extras.output };
    },

    GetSessionToken(input, context) {
      if (input.SerialNumber !== undefined || input.TokenCode !== undefined) throw mfaFailed();
      if (context.caller.accessKeyId?.startsWith("ASIA") === true) {
        throw errors.accessDenied("Cannot call GetSessionToken with session credentials");
      }
      const limits = model.USER_SESSION_SECONDS;
      const asked = model.durationSeconds(input.DurationSeconds, limits);
      const isRoot = context.caller.kind !== "user";
      const seconds = isRoot ? Math.min(asked, limits.rootMax) : asked;
      const who: Pick<Session, "kind" | "userArn" | "userId"> = isRoot
        ? { kind: "root" }
        : { kind: "user", userArn: context.caller.arn, userId: context.caller.userId };
      const expiryMs = context.clock.now() + seconds * 1000;
      return { Credentials: onTheWire(deps.sealer.seal({ accountId: context.accountId, ...who, expiryMs })) };
    },
  };
}

function refuseUnsupported(input: AssumeRoleRequest): void {
  if (input.SerialNumber !== undefined || input.TokenCode !== undefined) throw mfaFailed();
  if ((input.ProvidedContexts ?? []).length > 0) {
    throw errors.unsupported(
      "ProvidedContexts",
      "leave ProvidedContexts out: identity contexts need IAM Identity Center",
    );
  }
}

/** There are no MFA devices here, so no code can be right. */
function mfaFailed(): Error {
  return errors.accessDenied(
    "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is valid and associated with this user.",
    "leave SerialNumber and TokenCode out: Lambent has no MFA devices",
  );
}

async function findRole(
  deps: OperationDeps,
  role: model.RoleArn,
  context: RequestContext,
): Promise<DirectoryRole | undefined> {
  const known = await deps.directory.role(role.accountId, role.roleName);
  if (known?.arn === role.arn) return known;
  const hint = `create the role first: aws iam create-role --role-name ${role.roleName} --assume-role-policy-document …`;
  if (!deps.lenient) throw errors.assumeRoleDenied(context.caller.arn, role.arn, hint);
  context.log.warn({ roleArn: role.arn, hint }, "a role that does not exist was assumed; AWS would refuse");
  return undefined;
}

function callingSession(sealer: SessionSealer, context: RequestContext): Session | undefined {
  const token = context.headers["x-amz-security-token"];
  const { accessKeyId } = context.caller;
  if (token === undefined || accessKeyId === undefined) return undefined;
  return sealer.open(accessKeyId, token)?.session;
}

function tagsOf(session: Session | undefined): model.SessionTags {
  if (session?.tags === undefined) return model.NO_TAGS;
  return { tags: session.tags, transitiveKeys: session.transitiveTagKeys ?? [] };
}

/** What a session may carry beside its role: policies, tags, the source identity. */
function sessionExtras(
  input: AssumeRoleRequest,
  tags: model.SessionTags,
  calling: Session | undefined,
): { session: Partial<Session>; output: { PackedPolicySize?: number; SourceIdentity?: string } } {
  const policy = input.Policy === undefined ? undefined : model.sessionPolicy(input.Policy);
  const policyArns = (input.PolicyArns ?? []).map((entry) => entry.arn ?? "");
  const sourceIdentity = input.SourceIdentity ?? calling?.sourceIdentity;
  const hasTags = Object.keys(tags.tags).length > 0;
  const size = model.packedPolicySize(policy ?? "", policyArns, tags);
  return {
    session: {
      ...(policy === undefined ? {} : { policy }),
      ...(policyArns.length === 0 ? {} : { policyArns }),
      ...(hasTags ? { tags: tags.tags, transitiveTagKeys: tags.transitiveKeys } : {}),
      ...(sourceIdentity === undefined ? {} : { sourceIdentity }),
    },
    output: {
      ...(size > 0 ? { PackedPolicySize: size } : {}),
      ...(sourceIdentity === undefined ? {} : { SourceIdentity: sourceIdentity }),
    },
  };
}

function onTheWire(credentials: SessionCredentials): Credentials {
  return {
    AccessKeyId: credentials.accessKeyId,
    SecretAccessKey: credentials.secretAccessKey,
    SessionToken: credentials.sessionToken,
    Expiration: new Date(credentials.expirationMs),
  };
}

/** Verifies every kind of key: the root key, IAM users' keys, and the keys of sessions. */
import type { KeyResolver, KnownKey } from "../../aws/sigv4/keys.ts";
import type { Caller, CallerSession } from "../../aws/service.ts";
import type { Clock } from "../../kernel/clock.ts";
import { type Directory, idOfUnknownRole } from "./directory.ts";
import { looseRoleArn } from "./model.ts";
import type { Session, SessionSealer } from "./session.ts";

export interface RootKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly accountId: string;
}

/** Sessions whose token was opened lately; opening costs 20 µs, a look-up none. */
const CACHE_MAX = 2000;

export interface KeyDeps {
  readonly clock: Clock;
  readonly sealer: SessionSealer;
  readonly directory: Directory;
  readonly rootKey: RootKey | undefined;
}

export function createKeyResolver(deps: KeyDeps): KeyResolver {
  const sessions = new Map<string, { token: string; known: KnownKey; expiryMs: number }>();
  const root = deps.rootKey === undefined ? undefined : rootKnownKey(deps.rootKey);

  function session(accessKeyId: string, token: string): KnownKey | undefined | Promise<KnownKey | undefined> {
    const cached = sessions.get(accessKeyId);
    if (cached !== undefined && cached.token === token) return aged(cached.known, cached.expiryMs);
    const opened = deps.sealer.open(accessKeyId, token);
    if (opened === undefined) return undefined;
    return remember(accessKeyId, token, opened.session, opened.secretAccessKey);
  }

  async function remember(
    accessKeyId: string,
    token: string,
    opened: Session,
    secretAccessKey: string,
  ): Promise<KnownKey> {
    const caller = await callerOfSession(accessKeyId, opened, deps.directory);
    const known: KnownKey = { secretAccessKey, sessionToken: token, caller, accountId: opened.accountId };
    sessions.set(accessKeyId, { token, known, expiryMs: opened.expiryMs });
    const oldest = sessions.keys().next();
    if (sessions.size > CACHE_MAX && oldest.done !== true) sessions.delete(oldest.value);
    return aged(known, opened.expiryMs);
  }

  function aged(known: KnownKey, expiryMs: number): KnownKey {
    return deps.clock.now() < expiryMs ? known : { ...known, expired: true };
  }

  return {
    resolve(accessKeyId, sessionToken) {
      if (accessKeyId === deps.rootKey?.accessKeyId) return root;
      if (accessKeyId.startsWith("ASIA")) {
        return sessionToken === undefined ? undefined : session(accessKeyId, sessionToken);
      }
      if (!accessKeyId.startsWith("AKIA")) return undefined;
      const found = deps.directory.accessKey(accessKeyId);
      if (found instanceof Promise) return found.then((key) => key && userKnownKey(accessKeyId, key));
      return found && userKnownKey(accessKeyId, found);
    },
  };
}

function rootKnownKey(key: RootKey): KnownKey {
  const arn = `arn:aws:iam::${key.accountId}:root`;
  const caller = {
    accessKeyId: key.accessKeyId,
    kind: "root",
    arn,
    userId: key.accountId,
    verified: true,
  } as const;
  return { secretAccessKey: key.secretAccessKey, caller, accountId: key.accountId };
}

function userKnownKey(
  accessKeyId: string,
  key: { secretAccessKey: string; accountId: string; userArn: string; userId: string },
): KnownKey {
  const caller = { accessKeyId, kind: "user", arn: key.userArn, userId: key.userId, verified: true } as const;
  return { secretAccessKey: key.secretAccessKey, caller, accountId: key.accountId };
}

async function callerOfSession(accessKeyId: string, session: Session, directory: Directory): Promise<Caller> {
  const base = { accessKeyId, verified: true } as const;
  if (session.kind === "root") {
    return {
      ...base,
      kind: "root",
      arn: `arn:aws:iam::${session.accountId}:root`,
      userId: session.accountId,
    };
  }
  if (session.kind === "user") {
    const userId = session.userId ?? "";
    return { ...base, kind: "user", arn: session.userArn ?? "", userId, session: givenTo(session) };
  }
  const role = looseRoleArn(session.roleArn ?? "", session.accountId);
  const known = session.roleId ?? (await directory.role(role.accountId, role.roleName))?.roleId;
  const name = session.sessionName ?? "";
  const arn = `arn:${role.partition}:sts::${role.accountId}:assumed-role/${role.roleName}/${name}`;
  const userId = `${known ?? idOfUnknownRole(role.arn)}:${name}`;
  return { ...base, kind: "role", arn, userId, session: givenTo(session) };
}

/** What the policy evaluator must know of a session. */
function givenTo({ roleArn, policy, policyArns, tags, sourceIdentity }: Session): CallerSession {
  return {
    ...(roleArn === undefined ? {} : { roleArn }),
    ...(policy === undefined ? {} : { policy }),
    ...(policyArns === undefined ? {} : { policyArns }),
    ...(tags === undefined ? {} : { tags }),
    ...(sourceIdentity === undefined ? {} : { sourceIdentity }),
  };
}

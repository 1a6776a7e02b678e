/** Roles, users and groups with their inline policies, attachments, tags and members: rows in and out. */
import type { Tag } from "@aws-sdk/client-iam";
import { optionalText } from "../../ports/columns.ts";
import { Conflict, type Database, type Row, type SqlValue, type Statement } from "../../ports/database.ts";
import { type Entity, type EntityKind, nameKey, type TaggedKind, tagNorm } from "./model.ts";

export interface EntityKey {
  readonly accountId: string;
  readonly kind: EntityKind;
  readonly name: string;
}

/** What tags hang on. */
export interface TagOwner {
  readonly accountId: string;
  readonly kind: TaggedKind;
  readonly name: string;
}

export interface InlinePolicy {
  readonly name: string;
  readonly document: string;
}

export interface EntityChanges {
  readonly name?: string;
  readonly path?: string;
  readonly boundaryArn?: string | null;
  readonly description?: string;
  readonly maxSessionSeconds?: number;
  readonly trustPolicy?: string;
}

export interface EntityStore {
  find(key: EntityKey): Promise<Entity | undefined>;
  /** Ordered by name. */
  list(accountId: string, kind: EntityKind, pathPrefix: string): Promise<Entity[]>;
  /** Without the roles of services. */
  count(accountId: string, kind: EntityKind): Promise<number>;
  /** False when the name is taken. A policy given is attached in the same unit. */
  create(entity: Entity, tags: readonly Tag[], policyArn?: string): Promise<boolean>;
  /** False when it is gone, or a new name is taken. A new name moves everything that hangs on the old one. */
  update(key: EntityKey, changes: EntityChanges): Promise<boolean>;
  /** False when it is gone or still has policies or access keys. */
  delete(key: EntityKey): Promise<boolean>;
  /** With everything that hangs on it. False when it is gone. */
  deleteWhole(key: EntityKey): Promise<boolean>;
  inlinePolicies(key: EntityKey): Promise<InlinePolicy[]>;
  putInlinePolicy(key: EntityKey, policy: InlinePolicy): Promise<boolean>;
  deleteInlinePolicy(key: EntityKey, policyName: string): Promise<boolean>;
  /** ARNs of the managed policies, ordered. */
  attachments(key: EntityKey): Promise<string[]>;
  attach(key: EntityKey, policyArn: string, policyExists?: Statement): Promise<boolean>;
  detach(key: EntityKey, policyArn: string): Promise<boolean>;
  attachedTo(accountId: string, policyArn: string): Promise<Entity[]>;
  boundaryOf(accountId: string, policyArn: string): Promise<Entity[]>;
  /** How many entities each policy is attached to, and bounds. */
  usage(accountId: string): Promise<{ attached: Map<string, number>; bounding: Map<string, number> }>;
  /** Users in a group, by name. */
  members(accountId: string, groupName: string): Promise<Entity[]>;
  /** Groups a user is in, by name. */
  groupsOf(accountId: string, userName: string): Promise<Entity[]>;
  /** False when the group or the user is gone. */
  addMember(accountId: string, groupName: string, userName: string): Promise<boolean>;
  /** False when the user was not in it. */
  removeMember(accountId: string, groupName: string, userName: string): Promise<boolean>;
  tags(owner: TagOwner): Promise<Tag[]>;
  putTags(owner: TagOwner, tags: readonly Tag[]): Promise<void>;
  removeTags(owner: TagOwner, keys: readonly string[]): Promise<void>;
}

const THIS = "account_id = ? AND kind = ? AND name_key = ?";
const DEPENDENT_TABLES = ["iam_inline_policies", "iam_attachments", "iam_tags"] as const;

export function createEntityStore(database: Database): EntityStore {
  const read = <R extends object = Row>(sql: string, params?: readonly SqlValue[]): Promise<R[]> =>
    database.read<R>(sql, params);
  const params = (key: TagOwner): SqlValue[] => [key.accountId, key.kind, nameKey(key.name)];
  /** Misses, and undoes the unit, when the entity is gone. */
  const stillThere = (key: EntityKey): Statement => ({
    sql: `UPDATE iam_entities SET name = name WHERE ${THIS}`,
    params: params(key),
    expect: 1,
  });

  async function done(unit: readonly Statement[]): Promise<boolean> {
    return committed(database, unit);
  }

  async function entities(where: string, values: readonly SqlValue[]): Promise<Entity[]> {
    const rows = await read(`SELECT * FROM iam_entities WHERE ${where} ORDER BY name_key`, values);
    return rows.map(toEntity);
  }

  return {
    async find(key) {
      return (await entities(THIS, params(key)))[0];
    },
    async list(accountId, kind, pathPrefix) {
      const all = await entities("account_id = ? AND kind = ?", [accountId, kind]);
      return all.filter((entity) => entity.path.startsWith(pathPrefix));
    },
    async count(accountId, kind) {
      const sql = `SELECT COUNT(*) AS many FROM iam_entities
        WHERE account_id = ? AND kind = ? AND path NOT LIKE '/aws-service-role/%'`;
      const [row] = await read(sql, [accountId, kind]);
      return Number(row?.["many"]);
    },
    create(entity, tags, policyArn) {
      const attached = policyArn === undefined ? [] : [attachment(entity, policyArn)];
      return done([insertEntity(entity), ...tagStatements(entity, tags), ...attached]);
    },
    update(key, changes) {
      const columns = Object.entries(columnsOf(changes));
      const sql = `UPDATE iam_entities SET ${columns.map(([column]) => `${column} = ?`).join(", ")} WHERE ${THIS}`;
      const unit: Statement[] = [
        { sql, params: [...columns.map(([, value]) => value), ...params(key)], expect: 1 },
      ];
      if (changes.name !== undefined) unit.push(...renames(key, changes.name));
      return done(unit);
    },
    delete(key) {
      const free = `NOT EXISTS (SELECT 1 FROM iam_attachments WHERE ${THIS})
        AND NOT EXISTS (SELECT 1 FROM iam_inline_policies WHERE ${THIS})
        AND NOT EXISTS (SELECT 1 FROM iam_access_keys WHERE account_id = ? AND user_key = ? AND 'user' = ?)
        AND NOT EXISTS (SELECT 1 FROM iam_service_credentials c WHERE c.user_id = iam_entities.id)
        AND NOT EXISTS (SELECT 1 FROM iam_login_profiles p WHERE p.user_id = iam_entities.id)
        AND NOT EXISTS (SELECT 1 FROM iam_group_members WHERE account_id = ? AND user_key = ? AND 'user' = ?)
        AND NOT EXISTS (SELECT 1 FROM iam_group_members WHERE account_id = ? AND group_key = ? AND 'group' = ?)
        AND NOT EXISTS (SELECT 1 FROM iam_instance_profiles WHERE account_id = ? AND role_key = ? AND 'role' = ?)`;
      const own = params(key);
      const keys = [key.accountId, nameKey(key.name), key.kind];
      return done([
        {
          sql: `DELETE FROM iam_entities WHERE ${THIS} AND ${free}`,
          params: [...own, ...own, ...own, ...keys, ...keys, ...keys, ...keys],
          expect: 1,
        },
        { sql: `DELETE FROM iam_tags WHERE ${THIS}`, params: own },
      ]);
    },
    deleteWhole(key) {
      const own = params(key);
      return done([
        { sql: `DELETE FROM iam_entities WHERE ${THIS}`, params: own, expect: 1 },
        ...DEPENDENT_TABLES.map((table) => ({ sql: `DELETE FROM ${table} WHERE ${THIS}`, params: own })),
      ]);
    },
    async inlinePolicies(key) {
      const sql = `SELECT policy_name AS name, document FROM iam_inline_policies WHERE ${THIS} ORDER BY policy_name`;
      return (await read(sql, params(key))).map((row) => ({
        name: String(row["name"]),
        document: String(row["document"]),
      }));
    },
    putInlinePolicy(key, policy) {
      const sql = `INSERT INTO iam_inline_policies (account_id, kind, name_key, policy_name, document)
        VALUES (?, ?, ?, ?, ?)
        ON CONFLICT (account_id, kind, name_key, policy_name) DO UPDATE SET document = excluded.document`;
      return done([stillThere(key), { sql, params: [...params(key), policy.name, policy.document] }]);
    },
    deleteInlinePolicy(key, policyName) {
      const sql = `DELETE FROM iam_inline_policies WHERE ${THIS} AND policy_name = ?`;
      return done([{ sql, params: [...params(key), policyName], expect: 1 }]);
    },
    async attachments(key) {
      const sql = `SELECT policy_arn FROM iam_attachments WHERE ${THIS} ORDER BY policy_arn`;
      return (await read(sql, params(key))).map((row) => String(row["policy_arn"]));
    },
    attach(key, policyArn, policyExists) {
      const guards = policyExists === undefined ? [stillThere(key)] : [stillThere(key), policyExists];
      return done([...guards, attachment(key, policyArn)]);
    },
    detach(key, policyArn) {
      const sql = `DELETE FROM iam_attachments WHERE ${THIS} AND policy_arn = ?`;
      return done([{ sql, params: [...params(key), policyArn], expect: 1 }]);
    },
    attachedTo(accountId, policyArn) {
      const where = `account_id = ? AND EXISTS (SELECT 1 FROM iam_attachments a
        WHERE a.account_id = iam_entities.account_id AND a.kind = iam_entities.kind
          AND a.name_key = iam_entities.name_key AND a.policy_arn = ?)`;
      return entities(where, [accountId, policyArn]);
    },
    boundaryOf(accountId, policyArn) {
      return entities("account_id = ? AND boundary_arn = ?", [accountId, policyArn]);
    },
    async usage(accountId) {
      const count = async (sql: string): Promise<Map<string, number>> => {
        const rows = await read<{ arn: string; uses: number }>(sql, [accountId]);
        return new Map(rows.map((row) => [row.arn, Number(row.uses)]));
      };
      return {
        attached: await count(
          "SELECT policy_arn AS arn, COUNT(*) AS uses FROM iam_attachments WHERE account_id = ? GROUP BY policy_arn",
        ),
        bounding: await count(
          `SELECT boundary_arn AS arn, COUNT(*) AS uses FROM iam_entities
            WHERE account_id = ? AND boundary_arn IS NOT NULL GROUP BY boundary_arn`,
        ),
      };
    },
    members(accountId, groupName) {
      const where = `account_id = ? AND kind = 'user' AND name_key IN
        (SELECT user_key FROM iam_group_members WHERE account_id = ? AND group_key = ?)`;
      return entities(where, [accountId, accountId, nameKey(groupName)]);
    },
    groupsOf(accountId, userName) {
      const where = `account_id = ? AND kind = 'group' AND name_key IN
        (SELECT group_key FROM iam_group_members WHERE account_id = ? AND user_key = ?)`;
      return entities(where, [accountId, accountId, nameKey(userName)]);
    },
    addMember(accountId, groupName, userName) {
      const sql = `INSERT INTO iam_group_members (account_id, group_key, user_key) VALUES (?, ?, ?)
        ON CONFLICT DO NOTHING`;
      return done([
        stillThere({ accountId, kind: "group", name: groupName }),
        stillThere({ accountId, kind: "user", name: userName }),
        { sql, params: [accountId, nameKey(groupName), nameKey(userName)] },
      ]);
    },
    removeMember(accountId, groupName, userName) {
      const sql = "DELETE FROM iam_group_members WHERE account_id = ? AND group_key = ? AND user_key = ?";
      return done([{ sql, params: [accountId, nameKey(groupName), nameKey(userName)], expect: 1 }]);
    },
    async tags(owner) {
      const sql = `SELECT tag_key, tag_value FROM iam_tags WHERE ${THIS} ORDER BY tag_norm`;
      const rows = await read<{ tag_key: string; tag_value: string }>(sql, params(owner));
      return rows.map((row) => ({ Key: row.tag_key, Value: row.tag_value }));
    },
    async putTags(owner, tags) {
      await database.commit(tagStatements(owner, tags));
    },
    async removeTags(owner, keys) {
      const sql = `DELETE FROM iam_tags WHERE ${THIS} AND tag_norm = ?`;
      await database.commit(
        keys.map((key) => ({ sql, params: [...params(owner), tagNorm(owner.kind, key)] })),
      );
    },
  };
}

/** True when the unit took effect; false when one of its expectations was not met. */
export async function committed(database: Database, unit: readonly Statement[]): Promise<boolean> {
  try {
    await database.commit(unit);
    return true;
  } catch (error) {
    if (error instanceof Conflict) return false;
    throw error;
  }
}

export function tagStatements(owner: TagOwner, tags: readonly Tag[]): Statement[] {
  const sql = `INSERT INTO iam_tags (account_id, kind, name_key, tag_norm, tag_key, tag_value)
    VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (account_id, kind, name_key, tag_norm)
    DO UPDATE SET tag_key = excluded.tag_key, tag_value = excluded.tag_value`;
  return tags.map(({ Key: key = "", Value: value = "" }) => ({
    sql,
    params: [owner.accountId, owner.kind, nameKey(owner.name), tagNorm(owner.kind, key), key, value],
  }));
}

function renames(key: EntityKey, newName: string): Statement[] {
  const [from, to] = [nameKey(key.name), nameKey(newName)];
  if (from === to) return [];
  const moved = DEPENDENT_TABLES.map((table) => ({
    sql: `UPDATE ${table} SET name_key = ? WHERE ${THIS}`,
    params: [to, key.accountId, key.kind, from],
  }));
  const params = [to, key.accountId, from];
  const rename = (table: string, column: string): Statement => ({
    sql: `UPDATE ${table} SET ${column} = ? WHERE account_id = ? AND ${column} = ?`,
    params,
  });
  if (key.kind === "group") return [...moved, rename("iam_group_members", "group_key")];
  return [...moved, rename("iam_access_keys", "user_key"), rename("iam_group_members", "user_key")];
}

function columnsOf(changes: EntityChanges): Record<string, SqlValue> {
  const { name, path, boundaryArn, description, maxSessionSeconds, trustPolicy } = changes;
  return {
    ...(name === undefined ? {} : { name, name_key: nameKey(name) }),
    ...(path === undefined ? {} : { path }),
    ...(boundaryArn === undefined ? {} : { boundary_arn: boundaryArn }),
    ...(description === undefined ? {} : { description }),
    ...(maxSessionSeconds === undefined ? {} : { max_session_seconds: maxSessionSeconds }),
    ...(trustPolicy === undefined ? {} : { trust_policy: trustPolicy }),
  };
}

function attachment(key: EntityKey, policyArn: string): Statement {
  return {
    sql: `INSERT INTO iam_attachments (account_id, kind, name_key, policy_arn) VALUES (?, ?, ?, ?)
      ON CONFLICT DO NOTHING`,
    params: [key.accountId, key.kind, nameKey(key.name), policyArn],
  };
}

function insertEntity(entity: Entity): Statement {
  return {
    sql: `INSERT INTO iam_entities (account_id, kind, name_key, name, id, path, created_at, boundary_arn,
      description, max_session_seconds, trust_policy) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    params: [
      entity.accountId,
      entity.kind,
      nameKey(entity.name),
      entity.name,
      entity.id,
      entity.path,
      entity.createdAt,
      entity.boundaryArn ?? null,
      entity.description ?? null,
      entity.maxSessionSeconds,
      entity.trustPolicy,
    ],
  };
}

function toEntity(row: Row): Entity {
  return {
    accountId: String(row["account_id"]),
    kind: String(row["kind"]) as EntityKind,
    name: String(row["name"]),
    id: String(row["id"]),
    path: String(row["path"]),
    createdAt: Number(row["created_at"]),
    boundaryArn: optionalText(row["boundary_arn"]),
    description: optionalText(row["description"]),
    maxSessionSeconds: Number(row["max_session_seconds"]),
    trustPolicy: String(row["trust_policy"]),
  };
}

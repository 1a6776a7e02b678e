/** What access control lists allow, through the evaluator: who, on which list, by which permission. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { AskedAccess } from "../../aws/service.ts";
import { createAccess } from "./access.ts";
import { ALL_USERS, AUTHENTICATED, LOG_DELIVERY, ownerGrant } from "./acl.ts";
import { asksOf } from "./acl-grants.ts";
import {
  ANONYMOUS,
  type Bucket,
  canonicalId,
  type Grant,
  type ObjectMeta,
  type ObjectVersion,
} from "./model.ts";

const OWNER = "000000000000";
const OTHER = "111111111111";
const BUCKET = "arn:aws:s3:::b";

type Settings = Record<string, string>;

interface World {
  readonly settings?: Settings;
  readonly bucketGrants?: readonly Grant[];
  readonly object?: ObjectMeta;
}

function accessTo({ settings = {}, bucketGrants, object }: World): ReturnType<typeof createAccess> {
  const bucket: Bucket = {
    name: "b",
    accountId: OWNER,
    region: "us-east-1",
    createdAt: 0,
    versioning: "Off",
    settings: {
      ownership: "ObjectWriter",
      ...(bucketGrants === undefined ? {} : { acl: JSON.stringify(bucketGrants) }),
      ...settings,
    },
  };
  const version = object === undefined ? undefined : ({ meta: object, isMarker: false } as ObjectVersion);
  const find = async (): Promise<ObjectVersion | undefined> => version;
  return createAccess(
    { get: async (name) => (name === "b" ? bucket : undefined) },
    { latest: find, version: find },
  );
}

function asked(action: string, operation = action, versionId?: string): AskedAccess {
  const isBucket = action.startsWith("List") || action.includes("Bucket");
  return {
    operation,
    action: `s3:${action}`,
    resource: isBucket ? BUCKET : `${BUCKET}/k`,
    conditions: { "s3:VersionId": versionId },
  };
}

function grant(to: string, Permission: string): Grant {
  return to.startsWith("http")
    ? { Grantee: { Type: "Group", URI: to }, Permission }
    : { Grantee: { Type: "CanonicalUser", ID: canonicalId(to) }, Permission };
}

/** Principals of the statements that an asked action gets out of the lists. */
async function whom(world: World, ask: AskedAccess): Promise<unknown[]> {
  const list = await accessTo(world).acl?.(ask);
  if (list === undefined) return [];
  const { Statement } = JSON.parse(list.policy) as {
    Statement: { Principal: unknown; Condition?: object; Action: string; Resource: string }[];
  };
  for (const one of Statement) assert.deepEqual([one.Action, one.Resource], [ask.action, ask.resource]);
  return Statement.map(({ Principal, Condition }) =>
    Condition === undefined ? Principal : [Principal, Condition],
  );
}

const SIGNED = ["*", { Null: { "aws:PrincipalAccount": "false" } }];
const USER = { CanonicalUser: canonicalId(OTHER) };

test("each permission of each list allows its actions and no other", () => {
  const cases: readonly (readonly [string, string | undefined])[] = [
    ["ListBucket", "bucket READ"],
    ["ListBucketVersions", "bucket READ"],
    ["ListBucketMultipartUploads", "bucket READ"],
    ["PutObject", "bucket WRITE"],
    ["DeleteObject", "bucket WRITE"],
    ["GetBucketAcl", "bucket READ_ACP"],
    ["PutBucketAcl", "bucket WRITE_ACP"],
    ["GetObject", "object READ"],
    ["GetObjectVersion", "object READ"],
    ["GetObjectAcl", "object READ_ACP"],
    ["GetObjectVersionAcl", "object READ_ACP"],
    ["PutObjectAcl", "object WRITE_ACP"],
    ["PutObjectVersionAcl", "object WRITE_ACP"],
    ["DeleteObjectVersion", undefined],
    ["GetObjectTagging", undefined],
    ["GetObjectAttributes", undefined],
    ["DeleteBucket", undefined],
    ["PutBucketPolicy", undefined],
  ];
  for (const [action, expected] of cases) {
    const asks = asksOf(`s3:${action}`, action);
    assert.equal(asks && `${asks.list} ${asks.permission}`, expected, action);
  }
  for (const operation of ["PutObject", "CopyObject", "CreateMultipartUpload"]) {
    assert.deepEqual(asksOf("s3:PutObjectAcl", operation), { list: "bucket", permission: "WRITE" });
  }
});

test("whom a grant means", async () => {
  const read = asked("GetObject");
  const cases: readonly (readonly [string, World, unknown[]])[] = [
    ["nobody but the owner by default", { object: {} }, [{ CanonicalUser: canonicalId(OWNER) }]],
    ["everybody", { object: { grants: [grant(ALL_USERS, "READ")] } }, ["*"]],
    ["all who sign", { object: { grants: [grant(AUTHENTICATED, "READ")] } }, [SIGNED]],
    ["an account", { object: { grants: [grant(OTHER, "READ")] } }, [USER]],
    ["FULL_CONTROL is READ too", { object: { grants: [grant(OTHER, "FULL_CONTROL")] } }, [USER]],
    [
      "the deliverer of logs",
      { object: { grants: [grant(LOG_DELIVERY, "READ")] } },
      [{ Service: "logging.s3.amazonaws.com" }],
    ],
    ["another permission", { object: { grants: [grant(OTHER, "READ_ACP")] } }, []],
    [
      "the bucket's list does not count",
      { object: { grants: [] }, bucketGrants: [grant(OTHER, "READ")] },
      [],
    ],
  ];
  for (const [what, world, expected] of cases) assert.deepEqual(await whom(world, read), expected, what);
});

test("lists that are off, ignored, or of another object", async () => {
  const everybody = { grants: [grant(ALL_USERS, "READ"), grant(OTHER, "READ")] };
  const off = { ownership: "BucketOwnerEnforced" };
  assert.deepEqual(await whom({ object: everybody, settings: off }, asked("GetObject")), []);
  const ignore = { publicAccessBlock: JSON.stringify({ IgnorePublicAcls: true }) };
  assert.deepEqual(await whom({ object: everybody, settings: ignore }, asked("GetObject")), [USER]);
  const preferred = { ownership: "BucketOwnerPreferred" };
  assert.deepEqual(await whom({ object: everybody, settings: preferred }, asked("GetObject")), ["*", USER]);
  const gone = { ...asked("GetObject"), resource: "arn:aws:s3:::gone/k" };
  assert.equal((await accessTo({}).acl?.(gone))?.missing?.code, "NoSuchBucket");
  assert.equal(await accessTo({}).acl?.({ ...gone, action: "s3:CreateBucket" }), undefined);
});

test("what is there is written over and deleted by its owner alone", async () => {
  const writers = [grant(ALL_USERS, "WRITE")];
  const nobody = ["*", { StringEquals: { "aws:PrincipalType": "Anonymous" } }];
  for (const action of ["PutObject", "DeleteObject"]) {
    const cases: readonly (readonly [string, World, unknown[]])[] = [
      ["nothing there", { bucketGrants: writers }, ["*"]],
      ["the bucket owner's", { bucketGrants: writers, object: {} }, [{ CanonicalUser: canonicalId(OWNER) }]],
      ["its own", { bucketGrants: writers, object: { owner: OTHER } }, [USER]],
      ["nobody's", { bucketGrants: writers, object: { owner: ANONYMOUS } }, [nobody]],
      ["another's", { bucketGrants: [grant("222222222222", "WRITE")], object: { owner: OTHER } }, []],
      [
        "all who sign, nobody's",
        { bucketGrants: [grant(AUTHENTICATED, "WRITE")], object: { owner: ANONYMOUS } },
        [],
      ],
    ];
    for (const [what, world, expected] of cases) {
      assert.deepEqual(await whom(world, asked(action)), expected, `${action}: ${what}`);
    }
  }
});

test("who may list a bucket is told what is not there", async () => {
  const access = accessTo({ bucketGrants: [grant(ALL_USERS, "READ")] });
  const list = await access.acl?.(asked("GetObject"));
  assert.equal(list?.missing?.code, "NoSuchKey");
  const version = await access.acl?.(asked("GetObjectVersion", "GetObject", "a".repeat(32)));
  assert.equal(version?.missing?.code, "NoSuchVersion");
  assert.equal(
    (await accessTo({ bucketGrants: [ownerGrant(OWNER)] }).acl?.(asked("ListBucket")))?.missing,
    undefined,
  );
});

test("tags of an object are told of the actions that may depend on them, and under S3's own key", async () => {
  const access = accessTo({ object: { tags: [{ Key: "public", Value: "yes" }] } });
  assert.deepEqual(access.tagKeys, ["s3:ExistingObjectTag"]);
  for (const [action, isTold] of [
    ["GetObject", true],
    ["GetObjectVersionTagging", true],
    ["PutObjectAcl", true],
    ["PutObject", false],
    ["DeleteObject", false],
  ] as const) {
    const ask = asked(action);
    assert.deepEqual(await access.resourceTags?.(ask.resource, ask), isTold ? { public: "yes" } : {}, action);
  }
});

test("an object of another account is that account's, and only denials of the bucket's policy count", async () => {
  const policy = JSON.stringify({
    Version: "2012-10-17",
    Statement: [
      { Sid: "a", Effect: "Allow", Principal: "*", Action: "s3:*", Resource: `${BUCKET}/*` },
      { Sid: "d", Effect: "Deny", Principal: "*", Action: "s3:*", Resource: `${BUCKET}/x` },
    ],
  });
  const sids = (text: string | undefined): unknown[] =>
    (JSON.parse(text ?? '{"Statement":[]}') as { Statement: { Sid: string }[] }).Statement.map(
      (one) => one.Sid,
    );
  const foreign = accessTo({ settings: { policy }, object: { owner: OTHER } });
  const ask = asked("GetObject");
  assert.equal(await foreign.ownerOf?.(ask.resource, ask), OTHER);
  assert.deepEqual(sids(await foreign.resourcePolicy?.(ask.resource, ask)), ["d"]);
  const writing = asked("PutObject");
  assert.equal(await foreign.ownerOf?.(ask.resource, writing), OWNER);
  assert.deepEqual(sids(await foreign.resourcePolicy?.(ask.resource, writing)), ["a", "d"]);
  const enforced = accessTo({
    settings: { policy, ownership: "BucketOwnerEnforced" },
    object: { owner: OTHER },
  });
  assert.equal(await enforced.ownerOf?.(ask.resource, ask), OWNER);
  const restrict = { policy, publicAccessBlock: JSON.stringify({ RestrictPublicBuckets: true }) };
  const restricted = accessTo({ settings: restrict, object: {} });
  assert.deepEqual(sids(await restricted.resourcePolicy?.(ask.resource, ask)), [
    "a",
    "d",
    "RestrictPublicBuckets",
  ]);
});

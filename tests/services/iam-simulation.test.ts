import assert from "node:assert/strict";
import { test } from "node:test";
import { ACCOUNT, openHarness } from "./harness.ts";

const BUCKET = "arn:aws:s3:::bucket";
/** With spaces, as Python writes JSON: positions count them. */
const LONE =
  '{"Version": "2012-10-17", "Statement": {"Sid": "", "Effect": "Allow", "Action": "s3:PutObject", "Resource": "*"}}';
const policy = (...statements: object[]): string =>
  JSON.stringify({ Version: "2012-10-17", Statement: statements });
const allow = (Action: string, Resource = "*", more: object = {}): object => ({
  Effect: "Allow",
  Action,
  Resource,
  ...more,
});
const TRUST = JSON.stringify({
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Principal: { AWS: ACCOUNT }, Action: "sts:AssumeRole" }],
});

for (const kind of ["Role", "Group", "User"]) {
  test(`what a ${kind.toLowerCase()} may do, with the statements that say so`, async (t) => {
    const { call } = await openHarness(t);
    const name = { [`${kind}Name`]: "someone" };
    const more = kind === "Role" ? { AssumeRolePolicyDocument: TRUST } : {};
    const made = await call("iam", `Create${kind}`, { ...name, ...more });
    const { Policy } = await call("iam", "CreatePolicy", { PolicyName: "put", PolicyDocument: LONE });
    await call("iam", `Attach${kind}Policy`, { ...name, PolicyArn: Policy.Arn });
    const answer = await call("iam", "SimulatePrincipalPolicy", {
      PolicySourceArn: made[kind].Arn,
      ActionNames: ["s3:PutObject", "s3:GetObjectVersion"],
      ResourceArns: [BUCKET],
    });
    const statement = {
      SourcePolicyId: "put",
      SourcePolicyType: "IAM Policy",
      StartPosition: { Line: 1, Column: 41 },
      EndPosition: { Line: 1, Column: 113 },
    };
    const result = (action: string, decision: string, matched: object[]): object => ({
      EvalActionName: action,
      EvalDecision: decision,
      EvalDecisionDetails: {},
      EvalResourceName: BUCKET,
      MatchedStatements: matched,
      MissingContextValues: [],
      OrganizationsDecisionDetail: { AllowedByOrganizations: true },
      ResourceSpecificResults: [
        {
          EvalResourceDecision: decision,
          EvalResourceName: BUCKET,
          MatchedStatements: matched,
          MissingContextValues: [],
        },
      ],
    });
    assert.deepEqual(answer, {
      EvaluationResults: [
        result("s3:PutObject", "allowed", [statement]),
        result("s3:GetObjectVersion", "implicitDeny", []),
      ],
      IsTruncated: false,
    });
  });
}

test("policies that are sent: denies, context, boundaries, the resource's policy, pages", async (t) => {
  const { call } = await openHarness(t);
  const date = { DateGreaterThan: { "aws:CurrentTime": "2018-08-16T12:00:00Z" } };
  const simulate = (input: object): Promise<Record<string, never>> =>
    call("iam", "SimulateCustomPolicy", { ActionNames: ["dynamodb:CreateBackup"], ...input });
  const first = async (input: object): Promise<Record<string, unknown>> =>
    ((await simulate(input)) as unknown as { EvaluationResults: Record<string, unknown>[] })
      .EvaluationResults[0] ?? {};
  const lone = JSON.stringify({
    Version: "2012-10-17",
    Statement: allow("dynamodb:*", "*", { Condition: date }),
  });
  const entry = (value: string): object => ({
    ContextEntries: [
      { ContextKeyName: "aws:CurrentTime", ContextKeyValues: [value], ContextKeyType: "date" },
    ],
  });
  assert.deepEqual(await first({ PolicyInputList: [lone], ...entry("2019-04-25T11:00:00Z") }), {
    EvalActionName: "dynamodb:CreateBackup",
    EvalResourceName: "*",
    EvalDecision: "allowed",
    MatchedStatements: [
      {
        SourcePolicyId: "PolicyInputList.1",
        SourcePolicyType: "IAM Policy",
        StartPosition: { Line: 1, Column: 38 },
        EndPosition: { Line: 1, Column: 167 },
      },
    ],
    MissingContextValues: [],
  });
  assert.equal(
    (await first({ PolicyInputList: [lone], ...entry("2014-04-25T11:00:00Z") }))["EvalDecision"],
    "implicitDeny",
  );
  const missing = await first({ PolicyInputList: [lone] });
  assert.deepEqual(
    [missing["EvalDecision"], missing["MissingContextValues"]],
    ["implicitDeny", ["aws:CurrentTime"]],
  );

  const pretty = JSON.stringify(
    JSON.parse(policy(allow("dynamodb:*"), { ...allow("*"), Effect: "Deny" })),
    undefined,
    2,
  );
  const denied = await first({ PolicyInputList: [policy(allow("*")), pretty] });
  assert.equal(denied["EvalDecision"], "explicitDeny");
  assert.deepEqual(denied["MatchedStatements"], [
    {
      SourcePolicyId: "PolicyInputList.2",
      SourcePolicyType: "IAM Policy",
      StartPosition: { Line: 9, Column: 5 },
      EndPosition: { Line: 13, Column: 6 },
    },
  ]);

  const bounded = await first({
    PolicyInputList: [policy(allow("*"))],
    PermissionsBoundaryPolicyInputList: [policy(allow("s3:*"))],
  });
  assert.equal(bounded["EvalDecision"], "implicitDeny");
  assert.deepEqual(bounded["PermissionsBoundaryDecisionDetail"], { AllowedByPermissionsBoundary: false });

  const caller = "arn:aws:iam::111111111111:user/ann";
  const Statement = { ...allow("s3:GetObject", `${BUCKET}/k`), Principal: { AWS: caller } };
  const named = await first({
    PolicyInputList: [policy(allow("sqs:*"))],
    ActionNames: ["s3:GetObject"],
    ResourceArns: [`${BUCKET}/k`],
    ResourceOwner: "arn:aws:iam::111111111111:root",
    ResourcePolicy: JSON.stringify({ Version: "2012-10-17", Statement }),
    CallerArn: caller,
  });
  assert.equal(named["EvalDecision"], "allowed");
  assert.equal(
    (named["MatchedStatements"] as { SourcePolicyType: string }[])[0]?.SourcePolicyType,
    "Resource Policy",
  );

  const several = await first({
    PolicyInputList: [policy(allow("s3:GetObject", `${BUCKET}/a`))],
    ActionNames: ["s3:GetObject"],
    ResourceArns: [`${BUCKET}/a`, `${BUCKET}/b`],
  });
  assert.equal(several["EvalDecision"], "implicitDeny");
  const each = several["ResourceSpecificResults"] as { EvalResourceDecision: string }[];
  assert.deepEqual(
    each.map((one) => one.EvalResourceDecision),
    ["allowed", "implicitDeny"],
  );

  const actions = {
    PolicyInputList: [policy(allow("s3:*"))],
    ActionNames: ["s3:a", "s3:b", "sqs:c"],
    MaxItems: 2,
  };
  const page = (await simulate(actions)) as unknown as {
    IsTruncated: boolean;
    Marker: string;
    EvaluationResults: unknown[];
  };
  assert.deepEqual([page.IsTruncated, page.EvaluationResults.length], [true, 2]);
  const rest = (await simulate({ ...actions, Marker: page.Marker })) as unknown as typeof page;
  assert.deepEqual([rest.IsTruncated, rest.EvaluationResults.length], [false, 1]);
});

test("the keys policies ask for, and what cannot be simulated", async (t) => {
  const { call } = await openHarness(t);
  const PolicyInputList = [
    policy(
      allow("s3:*", "arn:aws:s3:::b/${aws:username}/*", {
        Condition: { StringLike: { "s3:prefix": "${aws:PrincipalTag/x, 'y'}" } },
      }),
      allow("s3:*", "*", { Condition: { Bool: { "AWS:SecureTransport": "true" } } }),
    ),
    policy(allow("s3:*", "*", { Condition: { Bool: { "aws:securetransport": "true" } } })),
  ];
  const keys = ["s3:prefix", "aws:PrincipalTag/x", "aws:username", "AWS:SecureTransport"];
  const { ContextKeyNames } = await call("iam", "GetContextKeysForCustomPolicy", { PolicyInputList });
  assert.deepEqual(ContextKeyNames, keys);
  await call("iam", "CreateUser", { UserName: "ann" });
  await call("iam", "PutUserPolicy", {
    UserName: "ann",
    PolicyName: "p",
    PolicyDocument: PolicyInputList[0],
  });
  const PolicySourceArn = `arn:aws:iam::${ACCOUNT}:user/ann`;
  const own = await call("iam", "GetContextKeysForPrincipalPolicy", { PolicySourceArn });
  assert.deepEqual(own.ContextKeyNames, keys);
  const ActionNames = ["s3:GetObject"];
  await assert.rejects(
    call("iam", "SimulatePrincipalPolicy", { PolicySourceArn: `${PolicySourceArn}2`, ActionNames }),
    { code: "NoSuchEntity" },
  );
  await assert.rejects(
    call("iam", "SimulatePrincipalPolicy", {
      PolicySourceArn: `arn:aws:iam::${ACCOUNT}:policy/p`,
      ActionNames,
    }),
    { code: "InvalidInput" },
  );
  const none = { PolicySourceArn: `${PolicySourceArn}2` };
  await assert.rejects(call("iam", "GetContextKeysForPrincipalPolicy", none), { code: "NoSuchEntity" });
  const broken = { PolicyInputList: ["{"], ActionNames };
  for (const [operation, input] of [
    ["SimulateCustomPolicy", broken],
    ["SimulatePrincipalPolicy", { ...broken, PolicySourceArn }],
    ["GetContextKeysForCustomPolicy", broken],
    ["GetContextKeysForPrincipalPolicy", { ...broken, PolicySourceArn }],
  ] as const) {
    await assert.rejects(call("iam", operation, input), { code: "InvalidInput" }, operation);
  }
  const actions = ["s3:GetObject", "s3:PutObject", "s3:ListBucket"];
  const named: string[] = [];
  let Marker: string | undefined;
  do {
    const page = await call("iam", "SimulatePrincipalPolicy", {
      PolicySourceArn,
      ActionNames: actions,
      MaxItems: 2,
      ...(Marker === undefined ? {} : { Marker }),
    });
    named.push(...page.EvaluationResults.map((one: { EvalActionName: string }) => one.EvalActionName));
    Marker = page.Marker;
  } while (Marker !== undefined);
  assert.deepEqual(named, actions);
});

test("AWS's managed policies allow what they say", async (t) => {
  const { call } = await openHarness(t);
  const arn = "arn:aws:dynamodb:eu-west-1:123456789012:table/t";
  const cases: readonly (readonly [string, string, string, boolean])[] = [
    ["AmazonDynamoDBFullAccess", "dynamodb:PutItem", arn, true],
    ["AmazonDynamoDBReadOnlyAccess", "dynamodb:GetItem", arn, true],
    ["AmazonDynamoDBReadOnlyAccess", "dynamodb:PutItem", arn, false],
    ["AmazonEventBridgeFullAccess", "events:PutEvents", "*", true],
    ["AmazonEventBridgeReadOnlyAccess", "events:PutEvents", "*", false],
    ["AmazonSQSReadOnlyAccess", "sqs:ReceiveMessage", "*", false],
    ["AWSLambda_ReadOnlyAccess", "lambda:InvokeFunction", "*", false],
    ["AWSLambdaInvocation-DynamoDB", "lambda:InvokeFunction", "*", true],
    ["service-role/AWSLambdaRole", "lambda:InvokeFunction", "*", true],
    ["SecretsManagerReadWrite", "secretsmanager:GetSecretValue", "*", true],
    ["IAMReadOnlyAccess", "iam:CreateRole", "*", false],
    ["CloudWatchFullAccess", "logs:CreateLogGroup", "*", true],
    ["PowerUserAccess", "sqs:DeleteQueue", "*", true],
    ["PowerUserAccess", "iam:CreateRole", "*", false],
  ];
  await call("iam", "CreateRole", { RoleName: "r", AssumeRolePolicyDocument: TRUST });
  for (const [name, action, ResourceArn, isAllowed] of cases) {
    const PolicyArn = `arn:aws:iam::aws:policy/${name}`;
    await call("iam", "AttachRolePolicy", { RoleName: "r", PolicyArn });
    const { EvaluationResults } = await call("iam", "SimulatePrincipalPolicy", {
      PolicySourceArn: `arn:aws:iam::${ACCOUNT}:role/r`,
      ActionNames: [action],
      ResourceArns: [ResourceArn],
    });
    assert.equal(EvaluationResults[0].EvalDecision === "allowed", isAllowed, `${name} ${action}`);
    await call("iam", "DetachRolePolicy", { RoleName: "r", PolicyArn });
  }
});

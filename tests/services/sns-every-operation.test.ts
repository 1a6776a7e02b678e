/** What each operation refuses: what is no ARN, what is not there, values that break a rule. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ACCOUNT,
  call,
  DATA_PROTECTION,
  invalid,
  NO_TOPIC,
  REGION,
  refused,
  serveSns,
} from "./sns-harness.ts";

const ARN = `arn:aws:sns:${REGION}:${ACCOUNT}`;
const NOWHERE = `${ARN}:nowhere`;
const NO_APPLICATION = `${ARN}:app/GCM/nowhere`;
const NO_ENDPOINT = `${ARN}:endpoint/GCM/nowhere/1234abcd-12ab-34cd-56ef-1234567890ab`;
const SEALED = { PlatformCredential: "secret" };

const elements = (parameter: string): unknown =>
  invalid(`${parameter} Reason: An ARN must have at least 6 elements, not 1`);
const missing = (code: string, message: string): unknown => ({ code, status: 404, message });

/** Operations on something that an ARN names: its member, what else is needed, and what it says of what is not there. */
const BY_ARN: readonly (readonly [string, string, object, string | undefined, unknown])[] = [
  [
    "AddPermission",
    "TopicArn",
    { Label: "l", AWSAccountId: [ACCOUNT], ActionName: ["Publish"] },
    NOWHERE,
    NO_TOPIC,
  ],
  ["RemovePermission", "TopicArn", { Label: "l" }, NOWHERE, NO_TOPIC],
  ["GetTopicAttributes", "TopicArn", {}, NOWHERE, NO_TOPIC],
  [
    "SetTopicAttributes",
    "TopicArn",
    { AttributeName: "DisplayName", AttributeValue: "x" },
    NOWHERE,
    NO_TOPIC,
  ],
  ["DeleteTopic", "TopicArn", {}, NOWHERE, undefined],
  ["Subscribe", "TopicArn", { Protocol: "sms", Endpoint: "+15550100" }, NOWHERE, NO_TOPIC],
  ["ListSubscriptionsByTopic", "TopicArn", {}, NOWHERE, NO_TOPIC],
  ["Publish", "TopicArn", { Message: "x" }, NOWHERE, NO_TOPIC],
  [
    "PublishBatch",
    "TopicArn",
    { PublishBatchRequestEntries: [{ Id: "1", Message: "x" }] },
    NOWHERE,
    NO_TOPIC,
  ],
  ["GetDataProtectionPolicy", "ResourceArn", {}, NOWHERE, NO_TOPIC],
  ["PutDataProtectionPolicy", "ResourceArn", { DataProtectionPolicy: DATA_PROTECTION }, NOWHERE, NO_TOPIC],
  [
    "GetSubscriptionAttributes",
    "SubscriptionArn",
    {},
    `${NOWHERE}:1`,
    missing("NotFound", "Subscription does not exist"),
  ],
  [
    "SetSubscriptionAttributes",
    "SubscriptionArn",
    { AttributeName: "RawMessageDelivery", AttributeValue: "true" },
    `${NOWHERE}:1`,
    missing("NotFound", "Subscription does not exist"),
  ],
  ["Unsubscribe", "SubscriptionArn", {}, `${NOWHERE}:1`, undefined],
  ["ListTagsForResource", "ResourceArn", {}, NOWHERE, missing("ResourceNotFound", "Resource does not exist")],
  [
    "TagResource",
    "ResourceArn",
    { Tags: [{ Key: "k", Value: "v" }] },
    NOWHERE,
    missing("ResourceNotFound", "Resource does not exist"),
  ],
  [
    "UntagResource",
    "ResourceArn",
    { TagKeys: ["k"] },
    NOWHERE,
    missing("ResourceNotFound", "Resource does not exist"),
  ],
  [
    "GetPlatformApplicationAttributes",
    "PlatformApplicationArn",
    {},
    NO_APPLICATION,
    missing("NotFound", "PlatformApplication does not exist"),
  ],
  [
    "SetPlatformApplicationAttributes",
    "PlatformApplicationArn",
    { Attributes: { Enabled: "true" } },
    NO_APPLICATION,
    missing("NotFound", "PlatformApplication does not exist"),
  ],
  ["DeletePlatformApplication", "PlatformApplicationArn", {}, NO_APPLICATION, undefined],
  [
    "CreatePlatformEndpoint",
    "PlatformApplicationArn",
    { Token: "device" },
    NO_APPLICATION,
    missing("NotFound", "PlatformApplication does not exist"),
  ],
  [
    "ListEndpointsByPlatformApplication",
    "PlatformApplicationArn",
    {},
    NO_APPLICATION,
    missing("NotFound", "PlatformApplication does not exist"),
  ],
  ["GetEndpointAttributes", "EndpointArn", {}, NO_ENDPOINT, missing("NotFound", "Endpoint does not exist")],
  [
    "SetEndpointAttributes",
    "EndpointArn",
    { Attributes: { Enabled: "true" } },
    NO_ENDPOINT,
    missing("NotFound", "Endpoint does not exist"),
  ],
  ["DeleteEndpoint", "EndpointArn", {}, NO_ENDPOINT, undefined],
];

test("what is no ARN, and what is not there", async (t) => {
  const served = await serveSns(t);
  for (const [operation, member, input, arn, refusal] of BY_ARN) {
    const nonsense = call(served, operation, { ...input, [member]: "nonsense" });
    assert.deepEqual(await refused(nonsense), elements(member), operation);
    const answer = call(served, operation, { ...input, [member]: arn });
    if (refusal === undefined) await answer;
    else assert.deepEqual(await refused(answer), refusal, operation);
  }
});

test("what else is refused", async (t) => {
  const served = await serveSns(t);
  const bad: readonly (readonly [string, object, unknown])[] = [
    [
      "CheckIfPhoneNumberIsOptedOut",
      { phoneNumber: "x" },
      invalid("PhoneNumber Reason: input incorrectly formatted"),
    ],
    ["OptInPhoneNumber", { phoneNumber: "x" }, invalid("PhoneNumber Reason: input incorrectly formatted")],
    ["ListPhoneNumbersOptedOut", { nextToken: "x" }, invalid("nextToken")],
    ["ListSMSSandboxPhoneNumbers", { NextToken: "x" }, invalid("NextToken")],
    ["ListOriginationNumbers", { NextToken: "x" }, invalid("NextToken")],
    ["GetSMSAttributes", { attributes: ["Nonsense"] }, invalid("attributes Reason: Invalid key [Nonsense]")],
    [
      "SetSMSAttributes",
      { attributes: { Nonsense: "1" } },
      invalid("attributes Reason: Invalid key [Nonsense]"),
    ],
    ["ConfirmSubscription", { TopicArn: `${ARN}:t`, Token: "x" }, invalid("Token")],
    ["ListTopics", { NextToken: "x" }, invalid("NextToken")],
    ["ListSubscriptions", { NextToken: "x" }, invalid("NextToken")],
    ["ListPlatformApplications", { NextToken: "x" }, invalid("NextToken")],
    ["CreateTopic", { Name: "a b" }, invalid("Topic Name")],
    [
      "Publish",
      {
        PhoneNumber: "+15550100",
        Message: "x",
        MessageAttributes: { "AWS.SNS.SMS.SMSType": { DataType: "String", StringValue: "Loud" } },
      },
      invalid("MessageAttributes Reason: Invalid value for AWS.SNS.SMS.SMSType: Loud"),
    ],
    [
      "CreatePlatformApplication",
      { Name: "a", Platform: "GCM", Attributes: { ...SEALED, Enabled: "maybe" } },
      invalid("Attributes Reason: Invalid value for attribute: Enabled: must be true or false"),
    ],
    [
      "CreatePlatformApplication",
      { Name: "a", Platform: "GCM", Attributes: { ...SEALED, SuccessFeedbackSampleRate: "101" } },
      invalid(
        "Attributes Reason: Invalid value for attribute: SuccessFeedbackSampleRate: must be a percentage, 0 to 100",
      ),
    ],
    [
      "CreatePlatformEndpoint",
      { PlatformApplicationArn: NO_APPLICATION, Token: "" },
      invalid("Token Reason: cannot be empty"),
    ],
    [
      "SetEndpointAttributes",
      { EndpointArn: NO_ENDPOINT, Attributes: { Token: "" } },
      invalid("Token Reason: cannot be empty"),
    ],
    // Names that every object of JavaScript has.
    [
      "SetSMSAttributes",
      { attributes: { constructor: "1" } },
      invalid("attributes Reason: Invalid key [constructor]"),
    ],
    [
      "CreateTopic",
      { Name: "a", Attributes: { constructor: "1" } },
      invalid("Attributes Reason: Unknown attribute constructor"),
    ],
    [
      "PutDataProtectionPolicy",
      { ResourceArn: NOWHERE, DataProtectionPolicy: DATA_PROTECTION.replace("EmailAddress", "constructor") },
      invalid("DataProtectionPolicy: the data identifier constructor is not implemented by Lambent"),
    ],
  ];
  for (const [operation, input, refusal] of bad) {
    assert.deepEqual(await refused(call(served, operation, input)), refusal, operation);
  }
  assert.equal((await call(served, "GetSMSSandboxAccountStatus")).IsInSandbox, false);
  assert.deepEqual((await call(served, "ListSMSSandboxPhoneNumbers")).PhoneNumbers, []);
  assert.deepEqual((await call(served, "ListOriginationNumbers")).PhoneNumbers, []);
  await served.topic("t");
  const page = call(served, "ListSubscriptionsByTopic", { TopicArn: `${ARN}:t`, NextToken: "x" });
  assert.deepEqual(await refused(page), invalid("NextToken"));
});

/** Pages of lists, and that what each operation did is there after a restart. */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { ACCOUNT, call, DATA_PROTECTION, type Output, saw, serveSns, type Served } from "./sns-harness.ts";

const SEALED = { PlatformCredential: "secret" };

test("a hundred are a page", async (t) => {
  const served = await serveSns(t);
  const topic = await served.topic("t0");
  for (let index = 1; index < 101; index += 1) await served.topic(`t${String(index)}`);
  for (let index = 0; index < 101; index += 1) await served.subscribeQueue(topic, `q${String(index)}`);
  let PlatformApplicationArn = "";
  for (let index = 0; index < 101; index += 1) {
    ({ PlatformApplicationArn } = await call(served, "CreatePlatformApplication", {
      Name: `a${String(index)}`,
      Platform: "GCM",
      Attributes: SEALED,
    }));
  }
  for (let index = 0; index < 101; index += 1) {
    await call(served, "CreatePlatformEndpoint", {
      PlatformApplicationArn,
      Token: `device ${String(index)}`,
    });
  }
  const lists: readonly (readonly [string, string, object])[] = [
    ["ListTopics", "Topics", {}],
    ["ListSubscriptions", "Subscriptions", {}],
    ["ListSubscriptionsByTopic", "Subscriptions", { TopicArn: topic }],
    ["ListPlatformApplications", "PlatformApplications", {}],
    ["ListEndpointsByPlatformApplication", "Endpoints", { PlatformApplicationArn }],
  ];
  for (const [operation, member, input] of lists) {
    const first = await call(served, operation, input);
    assert.equal(first[member].length, 100, operation);
    const second = await call(served, operation, { ...input, NextToken: first.NextToken });
    assert.equal(second[member].length, 1, operation);
    assert.equal(second.NextToken, undefined, operation);
    const all = [...first[member], ...second[member]].map((one) => JSON.stringify(one));
    assert.equal(new Set(all).size, 101, operation);
    saw(operation, "pagination");
  }
});

/** Does things, starts again over the same folder, and looks. */
async function again(t: TestContext, served: Served): Promise<Served> {
  await served.close();
  return serveSns(t, { folder: served.folder });
}

test("what each operation did is there after a restart", async (t) => {
  let served = await serveSns(t);
  const folder = served.folder;
  const persisted = async (
    operations: readonly string[],
    look: () => Promise<unknown>,
    expected: unknown,
  ): Promise<void> => {
    served = await again(t, served);
    assert.equal(served.folder, folder);
    assert.deepEqual(await look(), expected, operations.join());
    for (const operation of operations) saw(operation, "persistence");
  };
  const TopicArn = await served.topic("t");
  await call(served, "DeleteTopic", { TopicArn: await served.topic("gone") });
  await call(served, "SetTopicAttributes", {
    TopicArn,
    AttributeName: "DisplayName",
    AttributeValue: "shown",
  });
  await call(served, "PutDataProtectionPolicy", {
    ResourceArn: TopicArn,
    DataProtectionPolicy: DATA_PROTECTION,
  });
  for (const Label of ["kept", "gone"]) {
    await call(served, "AddPermission", {
      TopicArn,
      Label,
      AWSAccountId: [ACCOUNT],
      ActionName: ["Publish"],
    });
  }
  await call(served, "RemovePermission", { TopicArn, Label: "gone" });
  await call(served, "TagResource", {
    ResourceArn: TopicArn,
    Tags: [
      { Key: "a", Value: "1" },
      { Key: "b", Value: "2" },
    ],
  });
  await call(served, "UntagResource", { ResourceArn: TopicArn, TagKeys: ["a"] });
  await persisted(
    [
      "CreateTopic",
      "DeleteTopic",
      "SetTopicAttributes",
      "AddPermission",
      "RemovePermission",
      "TagResource",
      "UntagResource",
      "PutDataProtectionPolicy",
    ],
    async () => {
      const { Topics } = await call(served, "ListTopics");
      const { Attributes } = await call(served, "GetTopicAttributes", { TopicArn });
      const { Statement } = JSON.parse(Attributes.Policy) as { Statement: { Sid: string }[] };
      const { Tags } = await call(served, "ListTagsForResource", { ResourceArn: TopicArn });
      const { DataProtectionPolicy } = await call(served, "GetDataProtectionPolicy", {
        ResourceArn: TopicArn,
      });
      return [Topics, Attributes.DisplayName, Statement.map(({ Sid }) => Sid), Tags, DataProtectionPolicy];
    },
    [
      [{ TopicArn }],
      "shown",
      ["__default_statement_ID", "kept"],
      [{ Key: "b", Value: "2" }],
      DATA_PROTECTION,
    ],
  );

  await served.queue("q");
  const SubscriptionArn = await served.subscribeQueue(TopicArn, "q");
  await call(served, "Unsubscribe", { SubscriptionArn: await served.subscribeQueue(TopicArn, "gone") });
  const raw = { SubscriptionArn, AttributeName: "RawMessageDelivery", AttributeValue: "true" };
  await call(served, "SetSubscriptionAttributes", raw);
  const mail = { TopicArn, Protocol: "email", Endpoint: "a@example.org" };
  await call(served, "Subscribe", mail);
  const [letter] = await served.sns.mails(1);
  const Token = /Token=([0-9a-f]+)/u.exec(letter?.body ?? "")?.[1] ?? "";
  const confirmed = await call(served, "ConfirmSubscription", { TopicArn, Token });
  await persisted(
    ["Subscribe", "Unsubscribe", "SetSubscriptionAttributes", "ConfirmSubscription"],
    async () => {
      const { Subscriptions } = await call(served, "ListSubscriptionsByTopic", { TopicArn });
      const { Attributes } = await call(served, "GetSubscriptionAttributes", { SubscriptionArn });
      const arns = (Subscriptions as Output[]).map((one) => String(one.SubscriptionArn));
      return [arns.toSorted(), Attributes.RawMessageDelivery];
    },
    [[SubscriptionArn, String(confirmed.SubscriptionArn)].toSorted(), "true"],
  );

  // What is published is delivered by the next server, where this one ended before.
  await served.queue("q");
  await call(served, "Publish", { TopicArn, Message: "one" });
  await call(served, "PublishBatch", { TopicArn, PublishBatchRequestEntries: [{ Id: "1", Message: "two" }] });
  await persisted(
    ["Publish", "PublishBatch"],
    async () => (await served.receive("q", 2)).map(({ Body }) => Body).toSorted(),
    ["one", "two"],
  );

  const application = { Name: "app", Platform: "GCM", Attributes: SEALED };
  const { PlatformApplicationArn } = await call(served, "CreatePlatformApplication", application);
  const gone = await call(served, "CreatePlatformApplication", { ...application, Name: "gone" });
  await call(served, "DeletePlatformApplication", gone);
  const Attributes = { Enabled: "false" };
  await call(served, "SetPlatformApplicationAttributes", { PlatformApplicationArn, Attributes });
  const endpoint = (Token: string): Promise<Output> =>
    call(served, "CreatePlatformEndpoint", { PlatformApplicationArn, Token });
  const { EndpointArn } = await endpoint("kept");
  await call(served, "DeleteEndpoint", { EndpointArn: (await endpoint("gone")).EndpointArn });
  await call(served, "SetEndpointAttributes", { EndpointArn, Attributes: { CustomUserData: "d" } });
  await call(served, "SetSMSAttributes", { attributes: { DefaultSMSType: "Transactional" } });
  await persisted(
    [
      "CreatePlatformApplication",
      "DeletePlatformApplication",
      "SetPlatformApplicationAttributes",
      "CreatePlatformEndpoint",
      "DeleteEndpoint",
      "SetEndpointAttributes",
      "SetSMSAttributes",
    ],
    async () => [
      (await call(served, "ListPlatformApplications")).PlatformApplications,
      (await call(served, "ListEndpointsByPlatformApplication", { PlatformApplicationArn })).Endpoints,
      (await call(served, "GetSMSAttributes", { attributes: ["DefaultSMSType"] })).attributes,
    ],
    [
      [{ PlatformApplicationArn, Attributes }],
      [{ EndpointArn, Attributes: { Enabled: "true", Token: "kept", CustomUserData: "d" } }],
      { DefaultSMSType: "Transactional" },
    ],
  );
});

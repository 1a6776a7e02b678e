/** Platform applications and endpoints: what AWS says of them, and pushes in the local outbox. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CreatePlatformApplicationCommand,
  CreatePlatformEndpointCommand,
  DeleteEndpointCommand,
  DeletePlatformApplicationCommand,
  GetEndpointAttributesCommand,
  GetPlatformApplicationAttributesCommand,
  ListEndpointsByPlatformApplicationCommand,
  ListPlatformApplicationsCommand,
  PublishCommand,
  SetEndpointAttributesCommand,
  SetPlatformApplicationAttributesCommand,
  SubscribeCommand,
} from "@aws-sdk/client-sns";
import { ACCOUNT, invalid, REGION, refused, serveSns, type Served } from "./sns-harness.ts";

const APP = `arn:aws:sns:${REGION}:${ACCOUNT}:app/ADM/shop`;
const SECRET = { PlatformPrincipal: "id", PlatformCredential: "secret" };
const NO_APP = { code: "NotFound", status: 404, message: "PlatformApplication does not exist" };
const NO_ENDPOINT = { code: "NotFound", status: 404, message: "Endpoint does not exist" };
const EMPTY = {
  code: "ValidationError",
  status: 400,
  message:
    "1 validation error detected: Value null at 'attributes' failed to satisfy constraint: Member must not be null",
};

const createApp = (
  served: Served,
  Name = "shop",
  Platform = "ADM",
  Attributes: Record<string, string> = SECRET,
): Promise<{ PlatformApplicationArn?: string | undefined }> =>
  served.client.send(new CreatePlatformApplicationCommand({ Name, Platform, Attributes }));

async function createEndpoint(served: Served, Token: string, more = {}): Promise<string> {
  const command = new CreatePlatformEndpointCommand({ PlatformApplicationArn: APP, Token, ...more });
  return (await served.client.send(command)).EndpointArn ?? "";
}

async function endpointAttributes(served: Served, EndpointArn: string): Promise<unknown> {
  return (await served.client.send(new GetEndpointAttributesCommand({ EndpointArn }))).Attributes;
}

test("applications", async (t) => {
  const served = await serveSns(t);
  const { client } = served;
  assert.equal((await createApp(served)).PlatformApplicationArn, APP);
  assert.deepEqual(
    await refused(createApp(served, "a", "AAA")),
    invalid("Platform Reason: AAA is not supported"),
  );
  assert.deepEqual(await refused(createApp(served, "")), invalid(" Reason: cannot be empty"));
  assert.deepEqual(
    await refused(createApp(served, "a b")),
    invalid("a b Reason: must contain only characters 'a'-'z', 'A'-'Z', '0'-'9', '_', '-', and '.'"),
  );
  const long = "a".repeat(257);
  assert.deepEqual(
    await refused(createApp(served, long)),
    invalid(`${long} Reason: must be at most 256 characters long`),
  );
  assert.deepEqual(await refused(createApp(served, "a", "ADM", {})), EMPTY);
  assert.deepEqual(
    await refused(createApp(served, "a", "ADM", { ...SECRET, EventDeliveryFailure: "x" })),
    invalid("the attribute EventDeliveryFailure is not implemented by Lambent"),
  );
  const get = (
    PlatformApplicationArn: string,
  ): Promise<{ Attributes?: Record<string, string> | undefined }> =>
    client.send(new GetPlatformApplicationAttributesCommand({ PlatformApplicationArn }));
  const set = (PlatformApplicationArn: string, Attributes: Record<string, string>): Promise<unknown> =>
    client.send(new SetPlatformApplicationAttributesCommand({ PlatformApplicationArn, Attributes }));
  assert.deepEqual((await get(APP)).Attributes, { Enabled: "true" });
  await set(APP, { SuccessFeedbackSampleRate: "50" });
  assert.deepEqual((await get(APP)).Attributes, { Enabled: "true", SuccessFeedbackSampleRate: "50" });
  const few = invalid("PlatformApplicationArn Reason: An ARN must have at least 6 elements, not 1");
  assert.deepEqual(await refused(get("invalid")), few);
  assert.deepEqual(await refused(set("invalid", { Enabled: "true" })), few);
  assert.deepEqual(await refused(set(APP, {})), EMPTY);
  assert.deepEqual(await refused(get(`${APP}2`)), NO_APP);
  assert.deepEqual(await refused(set(`${APP}2`, { Enabled: "true" })), NO_APP);
  const list = await client.send(new ListPlatformApplicationsCommand({}));
  assert.deepEqual(
    list.PlatformApplications?.map(({ PlatformApplicationArn }) => PlatformApplicationArn),
    [APP],
  );
  await client.send(new DeletePlatformApplicationCommand({ PlatformApplicationArn: APP }));
  await client.send(new DeletePlatformApplicationCommand({ PlatformApplicationArn: APP }));
  assert.deepEqual(await refused(get(APP)), NO_APP);
});

test("endpoints", async (t) => {
  const served = await serveSns(t);
  const { client } = served;
  await createApp(served);
  const arn = await createEndpoint(served, "token_1");
  assert.match(arn, /:endpoint\/ADM\/shop\/[0-9a-f-]{36}$/u);
  assert.equal(await createEndpoint(served, "token_1"), arn);
  assert.deepEqual(
    await refused(createEndpoint(served, "token_1", { CustomUserData: "x" })),
    invalid(`Token Reason: Endpoint ${arn} already exists with the same Token, but different attributes.`),
  );
  const list = async (): Promise<unknown> =>
    (await client.send(new ListEndpointsByPlatformApplicationCommand({ PlatformApplicationArn: APP })))
      .Endpoints;
  assert.deepEqual(await list(), [{ EndpointArn: arn, Attributes: { Enabled: "true", Token: "token_1" } }]);
  const both = await createEndpoint(served, "token_2", {
    CustomUserData: "bar",
    Attributes: { CustomUserData: "foo" },
  });
  assert.deepEqual(await endpointAttributes(served, both), {
    CustomUserData: "foo",
    Enabled: "true",
    Token: "token_2",
  });
  const set = (EndpointArn: string, Attributes: Record<string, string>): Promise<unknown> =>
    client.send(new SetEndpointAttributesCommand({ EndpointArn, Attributes }));
  await set(both, { Enabled: "false", Token: "token_3" });
  assert.deepEqual(await endpointAttributes(served, both), {
    CustomUserData: "foo",
    Enabled: "false",
    Token: "token_3",
  });
  assert.deepEqual(await refused(set(both, {})), EMPTY);
  await createEndpoint(served, "token_4", { Attributes: {} });
  const wrong: [Record<string, string>, string][] = [
    [{ PlatformPrincipal: "x" }, "Invalid attribute name: PlatformPrincipal"],
    [{ PlatformCredential: "x" }, "Invalid attribute name: PlatformCredential"],
    [{ InvalidKey: "x" }, "Invalid attribute name: InvalidKey"],
    [
      { CustomUserData: "x".repeat(2049) },
      "Invalid value for attribute: CustomUserData: must be at most 2048 bytes long in UTF-8 encoding",
    ],
  ];
  for (const [attributes, why] of wrong) {
    const expected = invalid(`Attributes Reason: ${why}`);
    assert.deepEqual(await refused(set(both, attributes)), expected);
    assert.deepEqual(await refused(createEndpoint(served, "token_5", { Attributes: attributes })), expected);
  }
  assert.deepEqual(
    await refused(set(APP, { Enabled: "true" })),
    invalid("EndpointArn Reason: Wrong number of slashes in relative portion of the ARN."),
  );
  assert.deepEqual(await refused(set(`${arn}0`, { Enabled: "true" })), NO_ENDPOINT);
  assert.deepEqual(await refused(endpointAttributes(served, `${arn}0`)), NO_ENDPOINT);
  await client.send(new DeleteEndpointCommand({ EndpointArn: arn }));
  await client.send(new DeleteEndpointCommand({ EndpointArn: arn }));
  assert.deepEqual(await refused(endpointAttributes(served, arn)), NO_ENDPOINT);
  await client.send(new DeletePlatformApplicationCommand({ PlatformApplicationArn: APP }));
  assert.deepEqual(await refused(list()), NO_APP);
  assert.deepEqual(await refused(endpointAttributes(served, both)), NO_ENDPOINT);
  assert.deepEqual(await refused(createEndpoint(served, "token")), NO_APP);
});

test("a push lies in the local outbox: direct, and through a topic, in the platform's own text", async (t) => {
  const served = await serveSns(t);
  const { client } = served;
  await createApp(served);
  const arn = await createEndpoint(served, "token_1");
  const publish = (input: object): Promise<unknown> =>
    client.send(new PublishCommand({ TargetArn: arn, Message: "hello", ...input }));
  await publish({});
  await publish({ Message: '{"ADM":"for ADM"}', MessageStructure: "json" });
  await publish({ Message: '{"default":"all","GCM":"other"}', MessageStructure: "json" });
  const topic = await served.topic("t");
  const { SubscriptionArn } = await client.send(
    new SubscribeCommand({ TopicArn: topic, Protocol: "application", Endpoint: arn }),
  );
  await served.publish(topic, '{"default":"all","ADM":"by topic"}', { MessageStructure: "json" });
  const mails = await served.sns.mails(10);
  assert.deepEqual(
    mails.map(({ protocol, to, body }) => [protocol, to, body]),
    ["by topic", "all", "for ADM", "hello"].map((body) => ["application", arn, body]),
  );
  assert.equal(mails[0]?.subscriptionArn, SubscriptionArn);
  assert.deepEqual(
    await refused(publish({ Message: '{"GCM":"other"}', MessageStructure: "json" })),
    invalid("Message Structure - No default entry in JSON message body"),
  );
  assert.deepEqual(
    await refused(publish({ TargetArn: `${arn}0` })),
    invalid("TargetArn Reason: No endpoint found for the target arn specified"),
  );
  const unknown = new SubscribeCommand({ TopicArn: topic, Protocol: "application", Endpoint: `${arn}0` });
  assert.deepEqual(
    await refused(client.send(unknown)),
    invalid(`Endpoint Reason: Endpoint does not exist for endpoint ${arn}0`),
  );
  await client.send(new SetEndpointAttributesCommand({ EndpointArn: arn, Attributes: { Enabled: "false" } }));
  assert.deepEqual(await refused(publish({})), {
    code: "EndpointDisabled",
    status: 400,
    message: "Endpoint is disabled",
  });
  await served.publish(topic, "nobody hears it");
  assert.equal((await served.sns.mails(10)).length, 4);
  await client.send(
    new SetPlatformApplicationAttributesCommand({
      PlatformApplicationArn: APP,
      Attributes: { Enabled: "false" },
    }),
  );
  assert.equal((await refused(publish({}))).code, "PlatformApplicationDisabled");
});

test("applications and endpoints are there after a restart", async (t) => {
  const first = await serveSns(t);
  await createApp(first);
  const arn = await createEndpoint(first, "token_1");
  await first.close();
  const served = await serveSns(t, { folder: first.folder });
  assert.deepEqual(await endpointAttributes(served, arn), { Enabled: "true", Token: "token_1" });
  const list = await served.client.send(new ListPlatformApplicationsCommand({}));
  assert.equal(list.PlatformApplications?.length, 1);
});

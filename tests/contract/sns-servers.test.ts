/** Several servers on one database: each answers and delivers by what the others have changed. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test, type TestContext } from "node:test";
import { openPostgres } from "../../src/adapters/cluster/postgres-database.ts";
import { openDatabase } from "../../src/adapters/embedded/database.ts";
import { openSecrets } from "../../src/adapters/embedded/secrets.ts";
import type { RequestContext } from "../../src/aws/service.ts";
import { systemClock, type AdjustableClock } from "../../src/kernel/clock.ts";
import { silentLogger } from "../../src/kernel/log.ts";
import { systemRandom } from "../../src/kernel/random.ts";
import type { Database, Migration } from "../../src/ports/database.ts";
import type { Delivery } from "../../src/ports/outbox.ts";
import { createSns, migrations, type Sns } from "../../src/services/sns/index.ts";
import { startPostgres, type PostgresServer } from "./postgres-server.ts";

const ACCOUNT = "123456789012";
const REGION = "eu-west-1";
const QUEUE = `arn:aws:sqs:${REGION}:${ACCOUNT}:q`;

const postgres: PostgresServer | undefined = await startPostgres();
after(async () => {
  await postgres?.stop();
});

interface OneServer {
  readonly sns: Sns;
  readonly clock: AdjustableClock;
  /** What it has handed to the relay. */
  readonly sent: Delivery[];
  // oxlint-disable-next-line typescript/no-explicit-any
  call(operation: string, input?: object): Promise<any>;
}

type Open = (migrations: readonly Migration[]) => Promise<Database>;

/** Opens the one database of a test again and again. */
async function engine(t: TestContext, dialect: "sqlite" | "postgres"): Promise<Open> {
  const folder = await mkdtemp(join(tmpdir(), "lambent-sns-servers-"));
  const open: Database[] = [];
  t.after(async () => {
    if (dialect === "postgres") {
      await open[0]?.commit([{ sql: "DROP SCHEMA public CASCADE", params: [] }]);
      await open[0]?.commit([{ sql: "CREATE SCHEMA public", params: [] }]);
    }
    for (const one of open) await one.close();
    await rm(folder, { recursive: true, force: true });
  });
  return async (steps) => {
    const database = await (dialect === "postgres"
      ? openPostgres({
          host: postgres?.socket ?? "",
          port: 5432,
          database: "postgres",
          username: postgres?.username ?? "",
          migrations: steps,
          now: 0,
        })
      : openDatabase({
          path: join(folder, "state.db"),
          synchronous: "normal",
          migrations: steps,
          log: silentLogger,
          clock: systemClock(),
        }));
    open.push(database);
    return database;
  };
}

const keyFiles = await mkdtemp(join(tmpdir(), "lambent-sns-keys-"));
after(() => rm(keyFiles, { recursive: true, force: true }));

async function server(database: Database): Promise<OneServer> {
  const clock = systemClock();
  const random = systemRandom();
  const sent: Delivery[] = [];
  const sns = createSns({
    clock,
    random,
    log: silentLogger,
    database,
    secrets: await openSecrets({ keyFile: join(keyFiles, "master.key") }),
    peers: () => assert.fail("nothing is logged"),
    outbox: {
      within: (deliveries) =>
        deliveries.map(() => ({ sql: "DELETE FROM sns_keys WHERE id = ''", params: [] })),
      wake: (deliveries) => void sent.push(...deliveries),
    },
  });
  const context = (operation: string): RequestContext => ({
    accountId: ACCOUNT,
    region: REGION,
    requestId: "r",
    service: "sns",
    operation,
    caller: {
      kind: "root",
      arn: `arn:aws:iam::${ACCOUNT}:root`,
      userId: ACCOUNT,
      accessKeyId: "K",
      verified: true,
    },
    endpoint: "http://127.0.0.1:4566",
    fromSandbox: false,
    signal: new AbortController().signal,
    clock,
    random,
    log: silentLogger,
    headers: {},
  });
  return {
    sns,
    clock,
    sent,
    call: async (operation, input = {}) =>
      sns.service.operations[operation]?.(input as never, context(operation)),
  };
}

async function two(t: TestContext, dialect: "sqlite" | "postgres"): Promise<[OneServer, OneServer]> {
  const open = await engine(t, dialect);
  return [await server(await open(migrations)), await server(await open(migrations))];
}

const NOT_FOUND = { code: "NotFoundException" };

for (const dialect of ["sqlite", "postgres"] as const) {
  const skip =
    dialect === "postgres" && postgres === undefined ? "no initdb and postgres on this machine" : false;

  test(`${dialect}: a topic that one changes is another for all`, { skip }, async (t) => {
    const [a, b] = await two(t, dialect);
    const { TopicArn } = await a.call("CreateTopic", { Name: "news" });
    assert.deepEqual((await b.call("ListTopics")).Topics, [{ TopicArn }]);
    const name = async (on: OneServer): Promise<string> =>
      (await on.call("GetTopicAttributes", { TopicArn })).Attributes.DisplayName;
    const set = (on: OneServer, AttributeValue: string): Promise<unknown> =>
      on.call("SetTopicAttributes", { TopicArn, AttributeName: "DisplayName", AttributeValue });
    assert.deepEqual([await name(a), await name(b)], ["", ""]);
    await set(a, "one");
    assert.deepEqual([await name(a), await name(b)], ["one", "one"]);
    await set(b, "two");
    assert.deepEqual([await name(a), await name(b)], ["two", "two"]);
    await b.call("AddPermission", { TopicArn, Label: "l", AWSAccountId: [ACCOUNT], ActionName: ["Publish"] });
    assert.match((await a.sns.service.access?.resourcePolicy?.(TopicArn)) ?? "", /"Sid":"l"/u);
    await b.call("Subscribe", { TopicArn, Protocol: "sqs", Endpoint: QUEUE });
    await b.call("DeleteTopic", { TopicArn });
    await assert.rejects(a.call("Publish", { TopicArn, Message: "x" }), NOT_FOUND);
    await b.call("CreateTopic", { Name: "news" });
    await a.call("Publish", { TopicArn, Message: "x" });
    assert.equal(a.sent.length, 0);
    assert.equal(await name(a), "");
  });

  test(`${dialect}: a message goes to whoever subscribed anywhere`, { skip }, async (t) => {
    const [a, b] = await two(t, dialect);
    const { TopicArn } = await a.call("CreateTopic", { Name: "news" });
    const { SubscriptionArn } = await b.call("Subscribe", { TopicArn, Protocol: "sqs", Endpoint: QUEUE });
    const deliveries = async (): Promise<number> => {
      a.sent.length = 0;
      await a.call("Publish", { TopicArn, Message: "x" });
      return a.sent.length;
    };
    assert.equal(await deliveries(), 1);
    const filter = (AttributeValue: string): Promise<unknown> =>
      b.call("SetSubscriptionAttributes", { SubscriptionArn, AttributeName: "FilterPolicy", AttributeValue });
    await filter('{"k":["v"]}');
    assert.equal(await deliveries(), 0);
    await filter("{}");
    assert.equal(await deliveries(), 1);
    await b.call("Unsubscribe", { SubscriptionArn });
    assert.equal(await deliveries(), 0);
    await assert.rejects(a.call("GetSubscriptionAttributes", { SubscriptionArn }), NOT_FOUND);

    // Asked for by one, confirmed through the other.
    await a.call("Subscribe", { TopicArn, Protocol: "http", Endpoint: "http://203.0.113.9/" });
    const { Token } = JSON.parse(a.sent[0]?.body ?? "") as { Token: string };
    await b.call("ConfirmSubscription", { TopicArn, Token });
    assert.equal(await deliveries(), 1);
    assert.equal((await b.call("ListSubscriptions")).Subscriptions.length, 1);
  });

  test(`${dialect}: of changes at once none is lost`, { skip }, async (t) => {
    const [a, b] = await two(t, dialect);
    const { TopicArn } = await a.call("CreateTopic", { Name: "busy" });
    const both = (work: (on: OneServer, name: string) => Promise<unknown>): Promise<unknown[]> =>
      Promise.all(Array.from({ length: 20 }, (_none, index) => work(index % 2 === 0 ? a : b, String(index))));
    await both((on, key) =>
      on.call("TagResource", { ResourceArn: TopicArn, Tags: [{ Key: key, Value: "" }] }),
    );
    assert.equal((await a.call("ListTagsForResource", { ResourceArn: TopicArn })).Tags.length, 20);
    const subscriptions = await both((on) =>
      on.call("Subscribe", { TopicArn, Protocol: "sqs", Endpoint: QUEUE }),
    );
    assert.equal(new Set(subscriptions.map((one) => JSON.stringify(one))).size, 1);
    await both((on) => on.call("CreateTopic", { Name: "made-at-once" }));
    await both((on, key) => on.call("SetSMSAttributes", { attributes: { MonthlySpendLimit: key } }));
    await Promise.all([
      a.call("SetSMSAttributes", { attributes: { DefaultSenderID: "me" } }),
      b.call("SetSMSAttributes", { attributes: { DefaultSMSType: "Promotional" } }),
    ]);
    const { attributes } = await a.call("GetSMSAttributes");
    assert.equal(Object.keys(attributes).length, 3);
    await both((on) => on.call("Publish", { PhoneNumber: "+15550100", Message: "x" }));
    assert.equal((await a.sns.mails(100)).length, 20);
  });

  test(`${dialect}: numbers of a FIFO topic only grow, whoever gives them`, { skip }, async (t) => {
    const [a, b] = await two(t, dialect);
    const { TopicArn } = await a.call("CreateTopic", {
      Name: "t.fifo",
      Attributes: { FifoTopic: "true", ContentBasedDeduplication: "true" },
    });
    await a.call("Subscribe", { TopicArn, Protocol: "sqs", Endpoint: `${QUEUE}.fifo` });
    // A's clock is ahead.
    a.clock.advance(3_600_000);
    const publish = async (on: OneServer, Message: string): Promise<bigint> =>
      BigInt((await on.call("Publish", { TopicArn, Message, MessageGroupId: "g" })).SequenceNumber);
    const numbers: bigint[] = [];
    for (let index = 0; index < 10; index += 1)
      numbers.push(await publish(index % 2 === 0 ? a : b, String(index)));
    assert.deepEqual(
      numbers,
      numbers.toSorted((x, y) => (x < y ? -1 : 1)),
    );
    const sent = [...a.sent, ...b.sent].toSorted((x, y) => Number(x.orderNumber) - Number(y.orderNumber));
    const shown = sent.map(({ body }) =>
      BigInt((JSON.parse(body) as { SequenceNumber: string }).SequenceNumber),
    );
    assert.deepEqual(shown, numbers, "they are delivered in this order");
    const first = await publish(a, "same");
    b.clock.advance(3_600_000);
    assert.equal(await publish(b, "same"), first);
    const many = await Promise.all(
      Array.from({ length: 20 }, (_none, index) =>
        publish(index % 2 === 0 ? a : b, `at once ${String(index)}`),
      ),
    );
    assert.equal(new Set([...many, first, ...numbers]).size, 31);
  });

  test(`${dialect}: platform applications and endpoints`, { skip }, async (t) => {
    const [a, b] = await two(t, dialect);
    const { PlatformApplicationArn } = await a.call("CreatePlatformApplication", {
      Name: "app",
      Platform: "GCM",
      Attributes: { PlatformCredential: "x" },
    });
    const make = (on: OneServer): Promise<{ EndpointArn: string }> =>
      on.call("CreatePlatformEndpoint", { PlatformApplicationArn, Token: "device" });
    const { EndpointArn } = await make(a);
    assert.deepEqual(await make(b), { EndpointArn });
    await b.call("SetEndpointAttributes", { EndpointArn, Attributes: { Enabled: "false" } });
    await assert.rejects(a.call("Publish", { TargetArn: EndpointArn, Message: "x" }), {
      code: "EndpointDisabledException",
    });
    await Promise.all([
      a.call("SetEndpointAttributes", { EndpointArn, Attributes: { CustomUserData: "d" } }),
      b.call("SetEndpointAttributes", { EndpointArn, Attributes: { Enabled: "true" } }),
    ]);
    assert.deepEqual((await b.call("GetEndpointAttributes", { EndpointArn })).Attributes, {
      Enabled: "true",
      Token: "device",
      CustomUserData: "d",
    });
    await b.call("DeletePlatformApplication", { PlatformApplicationArn });
    await assert.rejects(a.call("GetEndpointAttributes", { EndpointArn }), NOT_FOUND);
  });

  test(`${dialect}: what was stored before there were revisions is still there`, { skip }, async (t) => {
    const open = await engine(t, dialect);
    const old = await open(migrations.filter(({ id }) => id < "sns/0003"));
    const arn = `arn:aws:sns:${REGION}:${ACCOUNT}:old`;
    const put = (
      table: string,
      key: string,
      body: object,
      more: Record<string, string> = {},
    ): Promise<unknown> =>
      old.commit([
        {
          sql: `INSERT INTO ${table} (arn, body${Object.keys(more)
            .map((name) => `, ${name}`)
            .join("")})
            VALUES (?, ?${", ?".repeat(Object.keys(more).length)})`,
          params: [key, JSON.stringify(body), ...Object.values(more)],
        },
      ]);
    await put("sns_topics", arn, {
      id: "an id",
      arn,
      name: "old",
      accountId: ACCOUNT,
      region: REGION,
      fifo: false,
      attributes: {},
      tags: {},
      deleted: 0,
    });
    const created = systemClock().now();
    const subscription = (id: string, more: object): Promise<unknown> =>
      put(
        "sns_subscriptions",
        `${arn}:${id}`,
        {
          arn: `${arn}:${id}`,
          topicArn: arn,
          owner: ACCOUNT,
          principal: "p",
          protocol: "sqs",
          endpoint: `${QUEUE}${id}`,
          attributes: {},
          pending: false,
          token: `token ${id}`,
          createdAt: created,
          ...more,
        },
        { topic_arn: arn },
      );
    await subscription("confirmed", { attributes: { FilterPolicy: '{"k":["v"]}' } });
    await subscription("pending", { pending: true });
    await subscription("over", { pending: true, createdAt: created - 3 * 24 * 3600 * 1000 });
    await subscription("removed", { removedAt: created });
    const app = `arn:aws:sns:${REGION}:${ACCOUNT}:app/GCM/app`;
    await put("sns_applications", app, {
      arn: app,
      platform: "GCM",
      accountId: ACCOUNT,
      region: REGION,
      attributes: {},
    });
    const device = `${app.replace(":app/", ":endpoint/")}/1`;
    await put("sns_endpoints", device, {
      arn: device,
      applicationArn: app,
      attributes: { Token: "d", Enabled: "true" },
    });
    await old.commit([
      { sql: "INSERT INTO sns_mail (id, body) VALUES (?, ?)", params: [created * 2048, '{"body":"old"}'] },
    ]);

    const now = await server(await open(migrations));
    assert.deepEqual((await now.call("ListTopics")).Topics, [{ TopicArn: arn }]);
    const { Subscriptions } = await now.call("ListSubscriptions");
    assert.deepEqual(
      (Subscriptions as { Endpoint: string; SubscriptionArn: string }[]).map((one) => [
        one.Endpoint.slice(QUEUE.length),
        one.SubscriptionArn === "PendingConfirmation",
      ]),
      [
        ["confirmed", false],
        ["pending", true],
      ],
    );
    await now.call("ConfirmSubscription", { TopicArn: arn, Token: "token removed" });
    assert.equal((await now.call("ListSubscriptions")).Subscriptions.length, 3);
    const { Endpoints } = await now.call("ListEndpointsByPlatformApplication", {
      PlatformApplicationArn: app,
    });
    assert.equal(Endpoints.length, 1);
    assert.equal((await now.call("ListPlatformApplications")).PlatformApplications.length, 1);
    await now.call("Publish", { PhoneNumber: "+15550100", Message: "new" });
    assert.deepEqual(
      (await now.sns.mails(10)).map(({ body }) => body),
      ["new", "old"],
    );
  });
}

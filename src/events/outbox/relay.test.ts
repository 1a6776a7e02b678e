import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { openDatabase } from "../../adapters/embedded/index.ts";
import { systemClock, type AdjustableClock } from "../../kernel/clock.ts";
import { ServiceError } from "../../kernel/errors.ts";
import { silentLogger } from "../../kernel/log.ts";
import { systemRandom } from "../../kernel/random.ts";
import type { Database } from "../../ports/database.ts";
import type { Delivery } from "../../ports/outbox.ts";
import type { PeerCall } from "../../ports/peers.ts";
import { createRelay, type DeliveryEnd, type Relay } from "./relay.ts";
import { outboxMigrations } from "./store.ts";

const SCOPE = { accountId: "000000000000", region: "us-east-1" };
const FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:f:live";
const QUEUE = "arn:aws:sqs:us-east-1:000000000000:q";
const DEAD = "arn:aws:sqs:us-east-1:000000000000:dead";

const folder = mkdtempSync(join(tmpdir(), "lambent-relay-"));
const open: Database[] = [];
after(async () => {
  for (const database of open) await database.close();
  rmSync(folder, { recursive: true });
});

let files = 0;
async function newDatabase(clock: AdjustableClock): Promise<Database> {
  files += 1;
  const path = join(folder, `${String(files)}.db`);
  const database = await openDatabase({
    path,
    synchronous: "normal",
    migrations: outboxMigrations,
    log: silentLogger,
    clock,
  });
  open.push(database);
  return database;
}

interface World {
  readonly relay: Relay;
  readonly database: Database;
  readonly clock: AdjustableClock;
  readonly calls: PeerCall[];
  readonly invoked: string[];
  /** Resolves with the next end nobody has taken yet. */
  ended(): Promise<DeliveryEnd>;
}

async function world(
  answer: (call: PeerCall) => void = () => undefined,
  before?: { readonly database: Database; readonly clock: AdjustableClock },
): Promise<World> {
  const clock = before?.clock ?? systemClock();
  const database = before?.database ?? (await newDatabase(clock));
  const calls: PeerCall[] = [];
  const invoked: string[] = [];
  const ends: DeliveryEnd[] = [];
  const takers: ((end: DeliveryEnd) => void)[] = [];
  const relay = createRelay({
    database,
    clock,
    random: systemRandom(),
    log: silentLogger,
    node: "test",
    findFunction(_scope, name) {
      if (name === "missing") throw new ServiceError("ResourceNotFoundException", 404, "no such function");
    },
    invoker: {
      async invokeAsync(request) {
        await database.commit([...(request.within ?? [])]);
        invoked.push(`${request.functionName}:${String(request.qualifier)} ${String(request.requestId)}`);
        return request.requestId ?? "";
      },
    },
    peers: {
      permit: () => Promise.resolve(),
      async call(call) {
        calls.push(call);
        await Promise.resolve();
        answer(call);
        return {};
      },
    },
    onEnd(end) {
      const taker = takers.shift();
      if (taker === undefined) ends.push(end);
      else taker(end);
    },
  });
  await relay.start();
  return {
    relay,
    database,
    clock,
    calls,
    invoked,
    ended() {
      const end = ends.shift();
      return end === undefined ? new Promise((resolve) => takers.push(resolve)) : Promise.resolve(end);
    },
  };
}

let ids = 0;
function delivery(fields: Partial<Delivery> = {}): Delivery {
  ids += 1;
  return {
    id: `00000000-0000-4000-8000-${String(ids).padStart(12, "0")}`,
    scope: SCOPE,
    principal: "events.amazonaws.com",
    sourceArn: "arn:aws:events:us-east-1:000000000000:rule/r",
    targetArn: QUEUE,
    body: `{"n":${String(ids)}}`,
    retry: { maxRetries: 2, maxAgeMs: 86_400_000 },
    ...fields,
  };
}

async function put({ relay, database }: World, ...deliveries: Delivery[]): Promise<void> {
  await database.commit(relay.within(deliveries));
  relay.wake(deliveries);
}

async function rowsLeft(database: Database): Promise<number> {
  const [row] = await database.read("SELECT COUNT(*) AS n FROM outbox");
  return Number(row?.["n"]);
}

/** Moves time to the next repeat whenever the table says that one is waited for. */
async function through<T>({ database, clock }: World, end: Promise<T>): Promise<T> {
  const state = { over: false };
  const over = end.finally(() => (state.over = true));
  while (!state.over) {
    const [row] = await database.read("SELECT MIN(due_at) AS due FROM outbox WHERE node = ''");
    const due = Number(row?.["due"] ?? 0);
    if (due > clock.now()) clock.advance(due - clock.now());
    await new Promise(setImmediate);
  }
  return over;
}

test("an event for a function becomes an invocation of that qualifier, under the delivery's id", async () => {
  const here = await world();
  const event = delivery({ targetArn: FUNCTION });
  await put(here, event);
  await here.ended();
  assert.deepEqual(here.invoked, [`f:live ${event.id}`]);
  assert.equal(await rowsLeft(here.database), 0);
  await here.relay.close();
});

test("a queue gets the message as the sending service", async () => {
  const here = await world();
  await put(here, delivery({ messageGroupId: "g" }));
  await here.ended();
  const [call] = here.calls;
  assert.equal(call?.operation, "SendMessage");
  assert.equal(call?.input["MessageGroupId"], "g");
  assert.deepEqual(call?.as.kind === "service" && call.as.principal, "events.amazonaws.com");
  assert.equal(await rowsLeft(here.database), 0);
  await here.relay.close();
});

test("a receiver of another account is told whose resource sends", async () => {
  const here = await world();
  const scope = { accountId: "111111111111", region: "us-east-1" };
  const targetArn = "arn:aws:sqs:us-east-1:111111111111:q";
  await put(here, delivery({ scope, targetArn }));
  await here.ended();
  await put(here, delivery({ scope, targetArn, sourceArn: "arn:aws:s3:::b", sourceAccount: "222222222222" }));
  await here.ended();
  const accounts = here.calls.map(({ as }) => (as.kind === "service" ? as.sourceAccount : undefined));
  assert.deepEqual(accounts, ["000000000000", "222222222222"]);
  await here.relay.close();
});

test("a failure that may pass is repeated; then the dead-letter queue gets the body and the reason", async () => {
  const here = await world((call) => {
    if (call.input["QueueUrl"] !== "https://sqs.us-east-1.amazonaws.com/000000000000/dead")
      throw new ServiceError("InternalError", 500, "down");
  });
  const event = delivery({ deadLetterArn: DEAD });
  await put(here, event);
  const end = await through(here, here.ended());
  assert.equal(end.attempts, 3);
  assert.equal(end.deadLetterArn, DEAD);
  assert.equal(here.calls.length, 4);
  const attributes = here.calls.at(-1)?.input["MessageAttributes"] as Record<string, { StringValue: string }>;
  assert.equal(here.calls.at(-1)?.input["MessageBody"], event.body);
  assert.equal(attributes["ERROR_CODE"]?.StringValue, "ERROR_FROM_TARGET");
  assert.equal(attributes["RETRY_ATTEMPTS"]?.StringValue, "2");
  assert.equal(attributes["EXHAUSTED_RETRY_CONDITION"]?.StringValue, "MaximumRetryAttempts");
  assert.equal(await rowsLeft(here.database), 0);
  await here.relay.close();
});

test("a refusal that lasts is not repeated", async () => {
  const here = await world();
  await put(
    here,
    delivery({ targetArn: "arn:aws:lambda:us-east-1:000000000000:function:missing", deadLetterArn: DEAD }),
  );
  const end = await here.ended();
  assert.equal(end.attempts, 1);
  assert.equal(end.failure?.code, "ResourceNotFoundException");
  assert.equal(here.calls.length, 1);
  await here.relay.close();
});

test("what a node held when it died is delivered by its next life", async () => {
  const clock = systemClock();
  const database = await newDatabase(clock);
  const first = await world(undefined, { database, clock });
  // Committed, and never told: as if the process had ended between.
  await database.commit(first.relay.within([delivery({ targetArn: FUNCTION })]));
  await first.relay.close();
  assert.equal(first.invoked.length, 0);
  const second = await world(undefined, { database, clock });
  await second.ended();
  assert.equal(second.invoked.length, 1);
  assert.equal(await rowsLeft(database), 0);
  await second.relay.close();
});

test("deliveries of one order key keep their order through a failure", async () => {
  let refused = false;
  const here = await world((call) => {
    if (call.input["MessageBody"] !== "1" || refused) return;
    refused = true;
    throw new ServiceError("Throttling", 429, "slow");
  });
  const ordered = ["1", "2", "3"].map((body) => delivery({ body, orderKey: "topic/group" }));
  await put(here, ...ordered, delivery({ body: "other" }));
  const ends = ordered.map(() => here.ended());
  ends.push(here.ended());
  await through(here, Promise.all(ends));
  const bodies = here.calls.map((call) => call.input["MessageBody"]).filter((body) => body !== "other");
  assert.deepEqual(bodies, ["1", "1", "2", "3"]);
  assert.equal(await rowsLeft(here.database), 0);
  await here.relay.close();
});

test("deliveries of an order key that have numbers are made in their order", async () => {
  const here = await world();
  const [second, first] = [2, 1].map((orderNumber) =>
    delivery({ body: String(orderNumber), orderKey: "topic/group", orderNumber }),
  );
  assert.ok(first !== undefined && second !== undefined);
  await here.database.commit([...here.relay.within([second]), ...here.relay.within([first])]);
  const ends = Promise.all([here.ended(), here.ended()]);
  here.relay.wake([second, first]);
  await through(here, ends);
  assert.deepEqual(
    here.calls.map((call) => call.input["MessageBody"]),
    ["1", "2"],
  );
  await here.relay.close();
});

test("while the oldest of an order key waits for its repeat, nobody looks again and again", async () => {
  const clock = systemClock();
  const inner = await newDatabase(clock);
  let looks = 0;
  const database: Database = {
    dialect: inner.dialect,
    commit: (unit) => inner.commit(unit),
    read(sql, params) {
      looks += 1;
      return inner.read(sql, params);
    },
    close: () => Promise.resolve(),
  };
  const failed = Promise.withResolvers<void>();
  const here = await world(
    () => {
      failed.resolve();
      throw new ServiceError("Throttling", 429, "slow");
    },
    { database, clock },
  );
  const ordered = ["1", "2", "3"].map((body) => delivery({ body, orderKey: "topic/group" }));
  await put(here, ...ordered);
  await failed.promise;
  const before = looks;
  await clock.sleep(200);
  assert.ok(looks - before < 10, `${String(looks - before)} looks`);
  await here.relay.close();
});

test("what waited in memory past its hold is made once", async () => {
  const here = await world();
  const blocked = Promise.withResolvers<void>();
  const posted: string[] = [];
  here.relay.use("http", async ({ id }) => {
    await blocked.promise;
    posted.push(id);
  });
  // More than are made at once: the rest waits in memory.
  const many = Array.from({ length: 100 }, () => delivery({ targetArn: "http://localhost/" }));
  await put(here, ...many);
  await new Promise(setImmediate);
  here.clock.advance(50_000);
  blocked.resolve();
  while ((await rowsLeft(here.database)) > 0) {
    here.clock.advance(5_000);
    await here.clock.sleep(5);
  }
  assert.equal(posted.length, 100);
  assert.equal(new Set(posted).size, 100);
  await here.relay.close();
});

test("a web server that does not answer holds up no function", async () => {
  const here = await world();
  const blocked = Promise.withResolvers<void>();
  here.relay.use("http", () => blocked.promise);
  await put(here, ...Array.from({ length: 1_100 }, () => delivery({ targetArn: "http://localhost/" })));
  const event = delivery({ targetArn: FUNCTION });
  await put(here, event);
  await here.ended();
  assert.deepEqual(here.invoked, [`f:live ${event.id}`]);
  blocked.resolve();
  await here.relay.close();
});

test("a dead-letter queue that fails for a while loses nothing", async () => {
  let down = 2;
  const here = await world((call) => {
    const isDead = call.input["QueueUrl"] === "https://sqs.us-east-1.amazonaws.com/000000000000/dead";
    if (!isDead) throw new ServiceError("AccessDenied", 403, "no");
    if (down-- > 0) throw new ServiceError("InternalError", 500, "down");
  });
  const event = delivery({ deadLetterArn: DEAD });
  await put(here, event);
  const end = await through(here, here.ended());
  assert.equal(end.deadLetterArn, DEAD);
  assert.equal(here.calls.at(-1)?.input["MessageBody"], event.body);
  assert.equal(await rowsLeft(here.database), 0);
  await here.relay.close();
});

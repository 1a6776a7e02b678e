/**
 * Random operations against a model of a queue with its dead-letter queue, on a clock that moves by jumps.
 * The model says what may be received; the service must give that, in an order it may, and as much as the
 * counts say. Each run is one seed; a failure prints it.
 */
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { arnOf, openSqs, type Output, type SqsHarness, type SqsHarnessOptions } from "./sqs-harness.ts";

const VISIBILITY_MS = 30_000;
const RETENTION_MS = 300_000;
const MAX_RECEIVES = 3;
const STEPS = 220;

interface Modelled {
  readonly body: string;
  readonly group: string;
  readonly sentAt: number;
  visibleAt: number;
  receives: number;
  handle: string | undefined;
  where: "queue" | "dead";
}

/** What a queue of messages is, without a database. */
class Model {
  messages: Modelled[] = [];
  readonly fifo: boolean;
  constructor(fifo: boolean) {
    this.fifo = fifo;
  }
  expire(now: number): void {
    this.messages = this.messages.filter(({ sentAt }) => sentAt > now - RETENTION_MS);
  }
  in(where: Modelled["where"]): Modelled[] {
    return this.messages.filter((message) => message.where === where);
  }
  isLocked(group: string, now: number): boolean {
    return this.in("queue").some((one) => one.group === group && one.receives > 0 && one.visibleAt > now);
  }
  /** Everything that is visible and not in a locked group. */
  visible(now: number): Modelled[] {
    return this.in("queue").filter(
      (one) => one.visibleAt <= now && !(this.fifo && this.isLocked(one.group, now)),
    );
  }
  deliverable(now: number): Modelled[] {
    return this.visible(now).filter(({ receives }) => receives < MAX_RECEIVES);
  }
}

class Run {
  readonly aws: SqsHarness;
  readonly model: Model;
  readonly url: string;
  readonly random: () => number;
  sent = 0;

  constructor(aws: SqsHarness, model: Model, url: string, random: () => number) {
    this.aws = aws;
    this.model = model;
    this.url = url;
    this.random = random;
  }

  pick<T>(from: readonly T[]): T | undefined {
    return from[Math.floor(this.random() * from.length)];
  }

  get now(): number {
    return this.aws.clock.now();
  }

  async send(): Promise<void> {
    const body = `m${String(this.sent++)}`;
    const group = `g${String(Math.floor(this.random() * 4))}`;
    const delayMs = this.model.fifo || this.random() < 0.7 ? 0 : Math.floor(this.random() * 20) * 1000;
    await this.aws.send(
      this.url,
      body,
      this.model.fifo
        ? { MessageGroupId: group, MessageDeduplicationId: body }
        : { DelaySeconds: delayMs / 1000 },
    );
    const visibleAt = this.now + delayMs;
    this.model.messages.push({
      body,
      group,
      sentAt: this.now,
      visibleAt,
      receives: 0,
      handle: undefined,
      where: "queue",
    });
  }

  async receive(): Promise<void> {
    const max = 1 + Math.floor(this.random() * 10);
    const before = this.model.deliverable(this.now);
    const got = await this.aws.receive(this.url, {
      MaxNumberOfMessages: max,
      AttributeNames: ["ApproximateReceiveCount"],
    });
    assert.ok(got.length <= max);
    assert.ok(got.length > 0 || before.length === 0, "something was there and nothing was received");
    for (const message of got) this.took(message);
  }

  took(message: Output): void {
    const known = this.model.messages.find(({ body }) => body === message.Body);
    assert.ok(known !== undefined, `${String(message.Body)} was deleted or never sent`);
    assert.equal(known.where, "queue");
    assert.ok(known.visibleAt <= this.now, `${known.body} is not visible`);
    assert.ok(known.receives < MAX_RECEIVES, `${known.body} was received too often`);
    if (this.model.fifo) {
      const ahead = this.model
        .in("queue")
        .filter((one) => one.group === known.group && Number(one.body.slice(1)) < Number(known.body.slice(1)))
        .filter((one) => !(one.receives >= MAX_RECEIVES && one.visibleAt <= this.now));
      // Those ahead of it came in this very receive, or it is out of order.
      const late = ahead.filter((one) => one.visibleAt !== this.now + VISIBILITY_MS);
      assert.deepEqual(late, [], `${known.body} overtook others of its group`);
    }
    known.receives += 1;
    known.visibleAt = this.now + VISIBILITY_MS;
    known.handle = message.ReceiptHandle as string;
    assert.equal(message.Attributes.ApproximateReceiveCount, String(known.receives));
  }

  /** What went to the dead-letter queue is seen there, in the tables: looking must not change anything. */
  async settleBuried(): Promise<void> {
    const rows = await this.aws.database().read<{ body: string }>(
      `SELECT b.body AS body FROM sqs_messages m JOIN sqs_bodies b ON b.seq = m.seq
        JOIN sqs_queues q ON q.box_id = m.box_id WHERE q.name LIKE 'dead%'`,
    );
    const buried = new Set(rows.map(({ body }) => body));
    for (const message of this.model.messages) {
      if (message.where === "dead" || !buried.has(message.body)) continue;
      assert.equal(message.receives, MAX_RECEIVES, `${message.body} was buried too early`);
      message.where = "dead";
    }
  }

  async remove(): Promise<void> {
    const message = this.pick(this.model.in("queue").filter(({ handle }) => handle !== undefined));
    if (message === undefined) return;
    const isExpired = message.visibleAt <= this.now;
    const call = this.aws.call("DeleteMessage", { QueueUrl: this.url, ReceiptHandle: message.handle });
    if (this.model.fifo && isExpired) return assert.rejects(call, /The receipt handle has expired/);
    await call;
    this.model.messages = this.model.messages.filter((one) => one !== message);
  }

  async hide(): Promise<void> {
    const flying = this.model
      .in("queue")
      .filter((one) => one.handle !== undefined && one.visibleAt > this.now);
    const message = this.pick(flying);
    if (message === undefined) return;
    const seconds = this.pick([0, 0, 5, 60]) ?? 0;
    await this.aws.call("ChangeMessageVisibility", {
      QueueUrl: this.url,
      ReceiptHandle: message.handle,
      VisibilityTimeout: seconds,
    });
    message.visibleAt = this.now + seconds * 1000;
  }

  pass(): void {
    this.aws.clock.advance(this.pick([1, 1000, 10_000, 31_000, 90_000]) ?? 1);
    this.model.expire(this.now);
  }

  async check(): Promise<void> {
    await this.settleBuried();
    const inQueue = this.model.in("queue");
    const expected = {
      ApproximateNumberOfMessages: inQueue.filter((one) => one.visibleAt <= this.now).length,
      ApproximateNumberOfMessagesNotVisible: inQueue.filter(
        (one) => one.visibleAt > this.now && one.receives > 0,
      ).length,
      ApproximateNumberOfMessagesDelayed: inQueue.filter(
        (one) => one.visibleAt > this.now && one.receives === 0,
      ).length,
    };
    const { Attributes } = await this.aws.call("GetQueueAttributes", {
      QueueUrl: this.url,
      AttributeNames: Object.keys(expected),
    });
    assert.deepEqual(
      Attributes,
      Object.fromEntries(Object.entries(expected).map(([name, count]) => [name, String(count)])),
    );
  }
}

export async function runSeed(
  t: TestContext,
  fifo: boolean,
  seed: number,
  options: SqsHarnessOptions = {},
): Promise<void> {
  const aws = await openSqs(t, options);
  const suffix = fifo ? ".fifo" : "";
  const retention = { MessageRetentionPeriod: String(RETENTION_MS / 1000) };
  // Buried messages of a FIFO queue count as sent when they are buried, so they must not expire here.
  await aws.queue(`dead${suffix}`);
  const url = await aws.queue(`q${suffix}`, {
    ...retention,
    RedrivePolicy: JSON.stringify({
      deadLetterTargetArn: arnOf(`dead${suffix}`),
      maxReceiveCount: MAX_RECEIVES,
    }),
  });
  const run = new Run(aws, new Model(fifo), url, seeded(seed));
  try {
    for (let step = 0; step < STEPS; step += 1) {
      const chance = run.random();
      if (chance < 0.35) await run.send();
      else if (chance < 0.65) await run.receive();
      else if (chance < 0.8) await run.remove();
      else if (chance < 0.88) await run.hide();
      else run.pass();
      await run.check();
    }
  } catch (error) {
    throw new Error(`seed ${String(seed)}, ${fifo ? "FIFO" : "standard"}`, { cause: error });
  }
}

/** Mulberry32. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

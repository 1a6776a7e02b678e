/**
 * How long after an event was answered its function begins.
 *
 * The function's first line reads CLOCK_MONOTONIC, which all processes of a machine share, and prints it
 * with the mark of its event; the bench reads the same clock when the answer of the send is whole. What
 * is measured is the time between the two. Each event is sent alone, with a pause that lets pollers wait
 * again and the environment freeze. The printed lines are read from CloudWatch Logs afterwards.
 */
import type { Bench } from "./bench.ts";
import { openConnection } from "./connection.ts";
import {
  ACCOUNT,
  allow,
  callJson,
  callS3,
  callSns,
  createMapping,
  createQueue,
  createTable,
  jsonRequest,
  REGION,
  s3Request,
  snsRequest,
} from "./events-client.ts";
import { NODE_ECHO, type FunctionSource } from "./functions.ts";
import { createFunction, type Lambent } from "./lambent.ts";
import { median, until } from "./processes.ts";

const EVENTS = 40;
/** The first ones meet cold code on both sides. */
const WARM_UP = 10;
const PAUSE_MS = 150;

const FIRST_LINE: FunctionSource = {
  ...NODE_ECHO,
  code: `export const handler = async (event) => {
  const now = process.hrtime.bigint();
  console.log("began", /mark-\\d+/.exec(JSON.stringify(event))?.[0], String(now));
};
`,
};

interface Source {
  readonly what: string;
  readonly barMs: number;
  /** Connects a source to the function; gives the request that sends one event with a mark in it. */
  setUp(lambent: Lambent, functionName: string): Promise<(mark: string) => Buffer>;
}

const functionArn = (name: string): string => `arn:aws:lambda:${REGION}:${ACCOUNT}:function:${name}`;

const SOURCES: readonly Source[] = [
  {
    what: "SQS SendMessage",
    barMs: 5,
    async setUp(lambent, FunctionName) {
      const QueueUrl = await createQueue(lambent, FunctionName);
      const EventSourceArn = `arn:aws:sqs:${REGION}:${ACCOUNT}:${FunctionName}`;
      await createMapping(lambent, { FunctionName, EventSourceArn });
      return (MessageBody) => jsonRequest(lambent, "sqs", "SendMessage", { QueueUrl, MessageBody });
    },
  },
  {
    what: "S3 PutObject",
    barMs: 8,
    async setUp(lambent, name) {
      await allow(lambent, name, "s3.amazonaws.com");
      await callS3(lambent, "PUT", `/${name}`);
      await callS3(
        lambent,
        "PUT",
        `/${name}?notification=`,
        `<NotificationConfiguration><CloudFunctionConfiguration><CloudFunction>${functionArn(name)}</CloudFunction><Event>s3:ObjectCreated:*</Event></CloudFunctionConfiguration></NotificationConfiguration>`,
      );
      return (mark) => s3Request(lambent, "PUT", `/${name}/${mark}`, "content");
    },
  },
  {
    what: "SNS Publish",
    barMs: 8,
    async setUp(lambent, name) {
      const TopicArn = `arn:aws:sns:${REGION}:${ACCOUNT}:${name}`;
      await allow(lambent, name, "sns.amazonaws.com");
      await callSns(lambent, "CreateTopic", { Name: name });
      await callSns(lambent, "Subscribe", { TopicArn, Protocol: "lambda", Endpoint: functionArn(name) });
      return (Message) => snsRequest(lambent, "Publish", { TopicArn, Message });
    },
  },
  {
    what: "EventBridge PutEvents",
    barMs: 8,
    async setUp(lambent, name) {
      await allow(lambent, name, "events.amazonaws.com");
      await callJson(lambent, "events", "PutRule", {
        Name: name,
        EventPattern: JSON.stringify({ source: ["bench"] }),
      });
      await callJson(lambent, "events", "PutTargets", {
        Rule: name,
        Targets: [{ Id: "function", Arn: functionArn(name) }],
      });
      return (mark) =>
        jsonRequest(lambent, "events", "PutEvents", {
          Entries: [{ Source: "bench", DetailType: "mark", Detail: JSON.stringify({ mark }) }],
        });
    },
  },
  {
    what: "DynamoDB PutItem",
    barMs: 15,
    async setUp(lambent, FunctionName) {
      const EventSourceArn = await createTable(lambent, FunctionName, {
        StreamSpecification: { StreamEnabled: true, StreamViewType: "NEW_IMAGE" },
      });
      await createMapping(lambent, { FunctionName, EventSourceArn, StartingPosition: "LATEST" });
      return (mark) =>
        jsonRequest(lambent, "dynamodb", "PutItem", { TableName: FunctionName, Item: { id: { S: mark } } });
    },
  },
];

export async function eventLatencies(bench: Bench): Promise<void> {
  for (const source of SOURCES) {
    const what = `${source.what} answered -> first line of the function, p50`;
    try {
      const p50 = median(await latenciesMs(bench.lambent, source));
      bench.row(what, `${p50.toFixed(1)} ms`, `<= ${String(source.barMs)} ms`, p50 <= source.barMs);
    } catch (error) {
      bench.row(what, `failed: ${String(error).slice(0, 200)}`, `<= ${String(source.barMs)} ms`, false);
    }
  }
}

async function latenciesMs(lambent: Lambent, source: Source): Promise<number[]> {
  const name = `first-line-${source.what.split(" ")[0]?.toLowerCase() ?? ""}`;
  await createFunction(lambent, name, FIRST_LINE);
  const request = await source.setUp(lambent, name);
  const connection = await openConnection(lambent.port);
  const answered = new Map<string, bigint>();
  for (let index = 0; index < WARM_UP + EVENTS; index += 1) {
    const mark = `mark-${String(index)}`;
    const answer = await connection.ask(request(mark));
    if (answer.status !== 200) throw new Error(`the event was answered with ${String(answer.status)}`);
    answered.set(mark, answer.answeredNs);
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  connection.close();
  let began = new Map<string, bigint>();
  await until(
    "a line of each event",
    async () => (began = await firstLines(lambent, name)).size >= answered.size,
    20,
  );
  return Array.from({ length: EVENTS }, (_, index) => {
    const mark = `mark-${String(WARM_UP + index)}`;
    return Number((began.get(mark) ?? 0n) - (answered.get(mark) ?? 0n)) / 1e6;
  });
}

/** When each marked event's function began; the first time, should it have been delivered twice. */
async function firstLines(lambent: Lambent, name: string): Promise<Map<string, bigint>> {
  const answer = await lambent.call(
    "logs",
    "/",
    JSON.stringify({ logGroupName: `/aws/lambda/${name}`, filterPattern: "began", limit: 10_000 }),
    { "content-type": "application/x-amz-json-1.1", "x-amz-target": "Logs_20140328.FilterLogEvents" },
  );
  const page = (await answer.json()) as { events?: { message: string }[] };
  const began = new Map<string, bigint>();
  for (const { message } of page.events ?? []) {
    const [, mark, at] = /began (mark-\d+) (\d+)/.exec(message) ?? [];
    if (mark !== undefined && at !== undefined && !began.has(mark)) began.set(mark, BigInt(at));
  }
  return began;
}

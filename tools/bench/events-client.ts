/** Requests of the event services as bytes, and calls that set a measurement up. */
import { createHash } from "node:crypto";
import type { Lambent } from "./lambent.ts";
import { signedRequest } from "./signed-request.ts";
import { until } from "./processes.ts";

export const ACCOUNT = "000000000000";
export const REGION = "us-east-1";

/** Prefix of `x-amz-target` and version of JSON, by service. */
const JSON_SERVICES = {
  sqs: ["AmazonSQS", "1.0"],
  dynamodb: ["DynamoDB_20120810", "1.0"],
  events: ["AWSEvents", "1.1"],
} as const;

type JsonService = keyof typeof JSON_SERVICES;

function jsonHeaders(service: JsonService, operation: string): Record<string, string> {
  const [target, version] = JSON_SERVICES[service];
  return {
    "content-type": `application/x-amz-json-${version}`,
    "x-amz-target": `${target}.${operation}`,
  };
}

export function jsonRequest(
  { credentials, port }: Pick<Lambent, "credentials" | "port">,
  service: JsonService,
  operation: string,
  input: object,
  region: string = REGION,
): Buffer {
  const target = { method: "POST", path: "/", port, service, region };
  return signedRequest(credentials, target, JSON.stringify(input), jsonHeaders(service, operation));
}

/** Calls and wants a 2xx; gives the answer's JSON. */
export async function callJson(
  lambent: Lambent,
  service: JsonService,
  operation: string,
  input: object,
): Promise<Record<string, unknown>> {
  const answer = await lambent.call(service, "/", JSON.stringify(input), jsonHeaders(service, operation));
  return JSON.parse(await checked(answer, operation)) as Record<string, unknown>;
}

const FORM = { "content-type": "application/x-www-form-urlencoded" };

function form(action: string, input: Record<string, string>): string {
  return new URLSearchParams({ Action: action, Version: "2010-03-31", ...input }).toString();
}

export function snsRequest(
  { credentials, port }: Lambent,
  action: string,
  input: Record<string, string>,
): Buffer {
  return signedRequest(
    credentials,
    { method: "POST", path: "/", port, service: "sns" },
    form(action, input),
    FORM,
  );
}

export async function callSns(
  lambent: Lambent,
  action: string,
  input: Record<string, string>,
): Promise<void> {
  await checked(await lambent.call("sns", "/", form(action, input), FORM), action);
}

/** `path` is `/bucket/key`; a query parameter without a value is written `name=`. */
export function s3Request({ credentials, port }: Lambent, method: string, path: string, body = ""): Buffer {
  return signedRequest(credentials, { method, path, port, service: "s3" }, body, s3Headers(body));
}

export async function callS3(lambent: Lambent, method: string, path: string, body = ""): Promise<void> {
  await checked(await lambent.call("s3", path, body, s3Headers(body), method), `${method} ${path}`);
}

function s3Headers(body: string): Record<string, string> {
  return { "x-amz-content-sha256": createHash("sha256").update(body).digest("hex") };
}

async function checked(answer: Response, what: string): Promise<string> {
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${what}: ${String(answer.status)} ${text.slice(0, 300)}`);
  return text;
}

/** Gives the URL. */
export async function createQueue(lambent: Lambent, QueueName: string): Promise<string> {
  return String((await callJson(lambent, "sqs", "CreateQueue", { QueueName }))["QueueUrl"]);
}

export async function createTable(lambent: Lambent, TableName: string, more: object = {}): Promise<string> {
  const made = await callJson(lambent, "dynamodb", "CreateTable", tableInput(TableName, more));
  await until(`${TableName} active`, async () => {
    const { Table } = await callJson(lambent, "dynamodb", "DescribeTable", { TableName });
    return (Table as { TableStatus?: string }).TableStatus === "ACTIVE";
  });
  return (made["TableDescription"] as { LatestStreamArn?: string }).LatestStreamArn ?? "";
}

export function tableInput(TableName: string, more: object = {}): object {
  return {
    TableName,
    BillingMode: "PAY_PER_REQUEST",
    AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
    KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
    ...more,
  };
}

/** Resolves when the mapping's State is Enabled. */
export async function createMapping(lambent: Lambent, input: object): Promise<void> {
  const path = "/2015-03-31/event-source-mappings";
  const json = { "content-type": "application/json" };
  const answer = await lambent.call("lambda", path, JSON.stringify(input), json);
  const { UUID } = JSON.parse(await checked(answer, "CreateEventSourceMapping")) as { UUID: string };
  await until("the mapping is enabled", async () => {
    const state = await lambent.call("lambda", `${path}/${UUID}`, "", {}, "GET");
    return ((await state.json()) as { State?: string }).State === "Enabled";
  });
}

export async function allow(lambent: Lambent, name: string, Principal: string): Promise<void> {
  const path = `/2015-03-31/functions/${name}/policy`;
  const body = { StatementId: "bench", Action: "lambda:InvokeFunction", Principal };
  const answer = await lambent.call("lambda", path, JSON.stringify(body), {
    "content-type": "application/json",
  });
  await checked(answer, "AddPermission");
}

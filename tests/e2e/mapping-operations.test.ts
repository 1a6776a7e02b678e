/** The five operations on event source mappings: errors, pages, and what a server finds after it was killed. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  CreateEventSourceMappingCommand,
  DeleteEventSourceMappingCommand,
  GetEventSourceMappingCommand,
  ListEventSourceMappingsCommand,
  ListTagsCommand,
  UpdateEventSourceMappingCommand,
  type EventSourceMappingConfiguration,
} from "@aws-sdk/client-lambda";
import { CreateQueueCommand, SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { saw } from "../parity/lambda-client.ts";
import { arnOf } from "./cli-session.ts";
import { clients, refusal, type Clients } from "./client.ts";
import { SDK_CONFIG, startServer, until, type RunningServer } from "./server.ts";

const NOBODY = "00000000-1111-2222-3333-444444444444";

let server: RunningServer;
let api: Clients;
let sqs: SQSClient;

function connect(): void {
  api = clients(server);
  sqs = new SQSClient({ ...SDK_CONFIG, endpoint: server.endpoint });
}
function disconnect(): void {
  api?.destroy();
  sqs?.destroy();
}

before(async () => {
  server = await startServer();
  connect();
  await api.create("f", { "app.py": "def handler(event, context): pass" });
});
after(async () => {
  disconnect();
  await server?.[Symbol.asyncDispose]();
});

async function mapped(
  queue: string,
  more: Partial<ConstructorParameters<typeof CreateEventSourceMappingCommand>[0]> = {},
): Promise<string> {
  await sqs.send(new CreateQueueCommand({ QueueName: queue }));
  const input = { FunctionName: "f", EventSourceArn: arnOf.queue(queue), Enabled: false, ...more };
  return (await api.lambda.send(new CreateEventSourceMappingCommand(input))).UUID ?? "";
}

const get = (UUID: string): Promise<EventSourceMappingConfiguration> =>
  api.lambda.send(new GetEventSourceMappingCommand({ UUID }));
const update = (UUID: string, BatchSize: number): Promise<EventSourceMappingConfiguration> =>
  api.lambda.send(new UpdateEventSourceMappingCommand({ UUID, BatchSize }));
const remove = (UUID: string): Promise<EventSourceMappingConfiguration> =>
  api.lambda.send(new DeleteEventSourceMappingCommand({ UUID }));

test("what is not there, and what lies in another region", async () => {
  for (const call of [() => get(NOBODY), () => update(NOBODY, 1), () => remove(NOBODY)]) {
    const { name, message, $metadata } = await refusal(call());
    assert.deepEqual(
      [name, message],
      ["ResourceNotFoundException", "The resource you requested does not exist."],
    );
    assert.equal(($metadata as { httpStatusCode?: number }).httpStatusCode, 404);
  }
  const FunctionName = "arn:aws:lambda:eu-west-1:000000000000:function:f";
  const elsewhere = "Functions from 'eu-west-1' are not reachable in this region ('us-east-1')";
  const EventSourceArn = arnOf.queue("any");
  for (const call of [
    () => api.lambda.send(new CreateEventSourceMappingCommand({ FunctionName, EventSourceArn })),
    () => api.lambda.send(new ListEventSourceMappingsCommand({ FunctionName })),
  ]) {
    const { name, message } = await refusal(call());
    assert.deepEqual([name, message], ["ResourceNotFoundException", elsewhere]);
  }
});

test("pages, whole or of one function or source", async () => {
  await api.create("g", { "app.py": "def handler(event, context): pass" });
  const made = [await mapped("page-1"), await mapped("page-2"), await mapped("page-3")];
  const ofG = await mapped("page-1", { FunctionName: "g" });
  const list = async (
    input: ConstructorParameters<typeof ListEventSourceMappingsCommand>[0],
  ): Promise<{ readonly ids: string[]; readonly pages: number }> => {
    const ids: string[] = [];
    let Marker: string | undefined;
    let pages = 0;
    do {
      const page = await api.lambda.send(
        new ListEventSourceMappingsCommand({ ...input, ...(Marker === undefined ? {} : { Marker }) }),
      );
      ids.push(...(page.EventSourceMappings ?? []).map(({ UUID = "" }) => UUID));
      Marker = page.NextMarker;
      pages += 1;
    } while (Marker !== undefined);
    return { ids: ids.sort(), pages };
  };
  assert.deepEqual(await list({ FunctionName: "f", MaxItems: 2 }), { ids: made.toSorted(), pages: 2 });
  assert.deepEqual(await list({ FunctionName: "f", MaxItems: 3 }), { ids: made.toSorted(), pages: 1 });
  assert.deepEqual(await list({ MaxItems: 1 }), { ids: [...made, ofG].sort(), pages: 4 });
  const EventSourceArn = arnOf.queue("page-1");
  assert.deepEqual((await list({ EventSourceArn })).ids, [made[0], ofG].sort());
  assert.deepEqual((await list({ EventSourceArn, FunctionName: "g" })).ids, [ofG]);
  assert.deepEqual((await list({ FunctionName: "nobody" })).ids, []);
  saw("ListEventSourceMappings", "pagination");
  const { name, message } = await refusal(list({ Marker: "page 2" }));
  assert.deepEqual([name, message], ["InvalidParameterValueException", "Invalid Marker"]);
});

test("one that is being deleted can be neither changed nor deleted again", async () => {
  const source =
    "import time\ndef handler(event, context):\n    print('RUNS', flush=True)\n    time.sleep(8)\n";
  await api.create("slow", { "app.py": source }, { Timeout: 20 });
  const uuid = await mapped("slow", { FunctionName: "slow", Enabled: true });
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: "slow" }));
  await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: "x" }));
  await until("it runs", async () => (await api.lines("slow", "RUNS").catch(() => [])).length === 1);
  assert.equal((await remove(uuid)).State, "Deleting");
  assert.equal((await get(uuid)).State, "Deleting");
  for (const [verb, call] of [
    ["update", () => update(uuid, 1)],
    ["delete", () => remove(uuid)],
  ] as const) {
    const { name, message } = await refusal(call());
    assert.equal(name, "ResourceInUseException");
    assert.equal(message, `Cannot ${verb} the event source mapping because it is in use.`);
  }
  await until("it is gone", async () => (await refusal(get(uuid))).name === "ResourceNotFoundException");
});

test("what was answered is there after the server was killed", async () => {
  const kept = await mapped("kept", {
    BatchSize: 7,
    FilterCriteria: { Filters: [{ Pattern: '{"body":["x"]}' }] },
    ScalingConfig: { MaximumConcurrency: 3 },
    FunctionResponseTypes: ["ReportBatchItemFailures"],
    MetricsConfig: { Metrics: ["EventCount"] },
    Tags: { a: "1" },
  });
  const changed = await mapped("changed");
  const gone = await mapped("gone");
  await update(changed, 3);
  await remove(gone);
  await until("nothing is under way", async () => {
    const states = await Promise.all([kept, changed].map(async (uuid) => (await get(uuid)).State));
    return states.every((state) => state === "Disabled");
  });
  const before = { ...(await get(kept)), $metadata: undefined };
  const { dataDir, port } = server;
  await server.kill();
  disconnect();
  server = await startServer({ dataDir, port });
  connect();
  const again = { ...(await get(kept)), $metadata: undefined };
  assert.deepEqual(again, before);
  const Resource = before.EventSourceMappingArn ?? "";
  assert.deepEqual((await api.lambda.send(new ListTagsCommand({ Resource }))).Tags, { a: "1" });
  assert.equal((await get(changed)).BatchSize, 3);
  await until(
    "the deleted one is gone",
    async () => (await refusal(get(gone))).name === "ResourceNotFoundException",
  );
  for (const verb of ["Create", "Update", "Delete"]) saw(`${verb}EventSourceMapping`, "persistence");
});

/**
 * Queues and streams that a function is fed from: J14 (a table's stream, through the AWS CLI) and J15 (a
 * queue with one poisoned message, through boto3).
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { GetEventSourceMappingCommand } from "@aws-sdk/client-lambda";
import { rawZip } from "../../src/testing/zip.ts";
import { AWS_CLIS } from "./aws-cli.ts";
import { cliSession, executionRole } from "./cli-session.ts";
import { clients, type Clients } from "./client.ts";
import { clientEnv, PYTHON_BOTO3, run, startServer, until, type RunningServer } from "./server.ts";

const CHANGES = `def handler(event, context):
    for record in event["Records"]:
        change = record["dynamodb"]
        print("CHANGE", record["eventName"], "OldImage" in change, "NewImage" in change)
`;

/** What a tutorial's reader writes: 25 messages, one of them poisoned, and a look at the queues. */
const POISONED = `import io, json, sys, time, zipfile
import boto3

ROLE = "arn:aws:iam::000000000000:role/worker"
lambda_, sqs, logs = boto3.client("lambda"), boto3.client("sqs"), boto3.client("logs")
code = '''
def handler(event, context):
    print("BATCH", len(event["Records"]))
    return {"batchItemFailures": [{"itemIdentifier": record["messageId"]}
            for record in event["Records"] if record["body"] == "poison"]}
'''
archive = io.BytesIO()
with zipfile.ZipFile(archive, "w") as packed:
    packed.writestr("app.py", code)
lambda_.create_function(FunctionName="worker", Runtime="python3.12", Role=ROLE, Handler="app.handler",
                        Timeout=3, Code={"ZipFile": archive.getvalue()})
lambda_.get_waiter("function_active_v2").wait(FunctionName="worker", WaiterConfig={"Delay": 1})

dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
dead_arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
queue = sqs.create_queue(QueueName="work", Attributes={
    "VisibilityTimeout": "3",
    "RedrivePolicy": json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": 2}),
})["QueueUrl"]
arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]

def depth(url):
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(value) for value in attributes.values())

bodies = [f"message {n}" for n in range(24)] + ["poison"]
for at in range(0, 25, 10):
    sqs.send_message_batch(QueueUrl=queue, Entries=[
        {"Id": str(n), "MessageBody": body} for n, body in enumerate(bodies[at:at + 10])])
depths = [depth(queue)]
lambda_.create_event_source_mapping(FunctionName="worker", EventSourceArn=arn, BatchSize=10,
                                    FunctionResponseTypes=["ReportBatchItemFailures"])
deadline = time.monotonic() + 60
while depth(dead) == 0 and time.monotonic() < deadline:
    if depth(queue) != depths[-1]:
        depths.append(depth(queue))
    time.sleep(0.1)
depths.append(depth(queue))
poisoned = sqs.receive_message(QueueUrl=dead, WaitTimeSeconds=2).get("Messages", [])
events = logs.filter_log_events(logGroupName="/aws/lambda/worker", filterPattern="BATCH")["events"]
json.dump({
    "depths": depths,
    "dead": [message["Body"] for message in poisoned],
    "batches": [int(event["message"].split()[1]) for event in events],
}, sys.stdout)
`;

let server: RunningServer;
let api: Clients;
let folder: string;

before(async () => {
  server = await startServer();
  api = clients(server);
  folder = mkdtempSync(join(tmpdir(), "lambent-journeys-polled-"));
  writeFileSync(join(folder, "changes.zip"), rawZip([{ name: "app.py", body: CHANGES }]));
});
after(async () => {
  api?.destroy();
  await server?.[Symbol.asyncDispose]();
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
});

describe("a table's stream", { concurrency: true }, () => {
  for (const cli of AWS_CLIS) {
    test(
      `put, update and delete of an item come in order, ${cli.name} (J14)`,
      { skip: cli.skip },
      async () => {
        const aws = cliSession(cli, server, folder);
        const name = `changes-${cli.suffix}`;
        const { TableDescription } = await aws.ok(
          `dynamodb create-table --table-name ${name} --billing-mode PAY_PER_REQUEST
         --attribute-definitions AttributeName=id,AttributeType=S --key-schema AttributeName=id,KeyType=HASH
         --stream-specification StreamEnabled=true,StreamViewType=NEW_AND_OLD_IMAGES`,
        );
        const role = await executionRole(server, name, ["logs:*", "dynamodb:*"]);
        await aws.ok(
          `lambda create-function --function-name ${name} --runtime python3.12 --handler app.handler
         --role ${role} --zip-file fileb://changes.zip`,
        );
        const stream = String(TableDescription.LatestStreamArn);
        const mapping = await aws.ok(
          `lambda create-event-source-mapping --function-name ${name} --starting-position LATEST
         --event-source-arn ${stream}`,
        );
        assert.equal(mapping.State, "Creating");
        await until("the mapping is enabled", async () => {
          const now = await api.lambda.send(new GetEventSourceMappingCommand({ UUID: mapping.UUID }));
          return now.State === "Enabled";
        });
        const key = JSON.stringify({ id: { S: "u1" } });
        await aws.ok(`dynamodb put-item --table-name ${name} --item`, key);
        await aws.ok(
          `dynamodb update-item --table-name ${name} --key`,
          key,
          ...["--update-expression", "SET city = :c", "--expression-attribute-values"],
          JSON.stringify({ ":c": { S: "Graz" } }),
        );
        await aws.ok(`dynamodb delete-item --table-name ${name} --key`, key);
        const changes = async (): Promise<readonly string[]> => api.lines(name, "CHANGE").catch(() => []);
        await until("all three have come", async () => (await changes()).length === 3);
        assert.deepEqual(
          (await changes()).map((line) => line.trimEnd()),
          ["CHANGE INSERT False True", "CHANGE MODIFY True True", "CHANGE REMOVE True False"],
        );
        const metrics = await (await fetch(`${server.endpoint}/metrics`)).text();
        assert.match(
          metrics,
          new RegExp(`^lambent_iterator_age_seconds\\{function="${name}",.*\\} [\\d.]+$`, "m"),
        );
      },
    );
  }
});

test("twenty-five messages and a poisoned one (J15)", async (t) => {
  const python = PYTHON_BOTO3 ?? "python3";
  if ((await run(python, ["-c", "import boto3"])).code !== 0) return t.skip("boto3 is not installed");
  const ran = await run(python, ["-c", POISONED], { env: clientEnv(server) });
  assert.equal(ran.code, 0, ran.stderr);
  const { depths, dead, batches } = JSON.parse(ran.stdout) as {
    depths: number[];
    dead: string[];
    batches: number[];
  };
  assert.deepEqual(dead, ["poison"]);
  assert.equal(depths[0], 25);
  assert.equal(depths.at(-1), 0);
  assert.deepEqual(
    depths,
    depths.toSorted((one, other) => other - one),
    "the depth only falls",
  );
  assert.ok(Math.max(...batches) <= 10, `batches of ${batches.join(", ")}`);
  assert.equal(
    batches.reduce((sum, size) => sum + size, 0),
    26,
    "the poisoned one came twice",
  );
});

/** A function's line reaches another function, which subscribes to its log group. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CloudWatchLogsClient,
  CreateLogGroupCommand,
  DescribeSubscriptionFiltersCommand,
  PutSubscriptionFilterCommand,
} from "@aws-sdk/client-cloudwatch-logs";
import { AddPermissionCommand } from "@aws-sdk/client-lambda";
import { clients } from "./client.ts";
import { SDK_CONFIG, startServer, until } from "./server.ts";

const SPEAKER = `
def handler(event, context):
    print("ALARM", event["what"])
`;
const LISTENER = `
import base64, gzip, json

def handler(event, context):
    told = json.loads(gzip.decompress(base64.b64decode(event["awslogs"]["data"])))
    for each in told["logEvents"]:
        print("HEARD", told["logGroup"], each["message"].strip())
`;

test("a function subscribes to another one's log group", async () => {
  await using server = await startServer();
  const made = clients(server);
  const logs = new CloudWatchLogsClient({ ...SDK_CONFIG, endpoint: server.endpoint });
  try {
    await made.create("speaker", { "app.py": SPEAKER });
    const logGroupName = "/aws/lambda/speaker";
    await logs.send(new CreateLogGroupCommand({ logGroupName }));
    const filter = new PutSubscriptionFilterCommand({
      logGroupName,
      filterName: "alarms",
      filterPattern: "ALARM",
      destinationArn: "arn:aws:lambda:us-east-1:000000000000:function:listener",
    });
    await assert.rejects(logs.send(filter), {
      name: "InvalidParameterException",
      message: /^Could not execute the lambda function\./u,
    });
    await made.create("listener", { "app.py": LISTENER });
    await made.lambda.send(
      new AddPermissionCommand({
        FunctionName: "listener",
        StatementId: "logs",
        Action: "lambda:InvokeFunction",
        Principal: "logs.us-east-1.amazonaws.com",
        SourceArn: `arn:aws:logs:us-east-1:000000000000:log-group:${logGroupName}:*`,
        SourceAccount: "000000000000",
      }),
    );
    await logs.send(filter);
    const { subscriptionFilters = [] } = await logs.send(
      new DescribeSubscriptionFiltersCommand({ logGroupName }),
    );
    assert.equal(subscriptionFilters[0]?.distribution, "ByLogStream");
    await made.invoke("speaker", { what: "fire" });
    await until("it was heard", async () => (await made.lines("listener", "HEARD")).length === 1);
    const [heard = ""] = await made.lines("listener", "HEARD");
    assert.equal(heard.trim(), `HEARD ${logGroupName} ALARM fire`);
  } finally {
    made.destroy();
    logs.destroy();
  }
});

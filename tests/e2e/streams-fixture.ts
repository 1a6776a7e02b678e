/** A started server, tables with streams, mappings, and a function that shows what it got. */
import assert from "node:assert/strict";
import {
  CreateTableCommand,
  DynamoDBClient,
  PutItemCommand,
  type StreamViewType,
} from "@aws-sdk/client-dynamodb";
import {
  CreateEventSourceMappingCommand,
  GetEventSourceMappingCommand,
  type CreateEventSourceMappingCommandInput,
} from "@aws-sdk/client-lambda";
import { clients, type Clients } from "./client.ts";
import { SDK_CONFIG, startServer, until, type RunningServer } from "./server.ts";

/**
 * Prints each event. An item's `do` says what becomes of its record: `crash` fails the batch, `report`
 * is reported as failed, `once` fails the first time this environment sees it.
 */
export const SHOW = `import json
seen = set()
def handler(event, context):
    print("EVENT " + json.dumps(event))
    failures = []
    for record in event["Records"]:
        image = record["dynamodb"].get("NewImage", {})
        do = image.get("do", {}).get("S")
        number = record["dynamodb"]["SequenceNumber"]
        if do == "crash" or (do == "once" and number not in seen):
            seen.add(number)
            raise Exception("crash")
        if do == "report":
            failures.append({"itemIdentifier": number})
            break
    return {"batchItemFailures": failures}
`;

/** One record of an event, as far as tests look at it. */
export interface StreamRecord {
  readonly eventName: string;
  readonly dynamodb: {
    readonly Keys: Readonly<Record<string, { readonly S: string }>>;
    readonly SequenceNumber: string;
    readonly NewImage?: Readonly<Record<string, { readonly S?: string }>>;
  };
}

export interface StreamEvent {
  readonly Records: readonly StreamRecord[];
  readonly [member: string]: unknown;
}

export interface Streams extends AsyncDisposable {
  readonly server: RunningServer;
  readonly api: Clients;
  readonly dynamodb: DynamoDBClient;
  /** A table with the key `id` and a stream. Returns the stream's ARN. */
  table(name: string, view?: StreamViewType): Promise<string>;
  put(table: string, id: string, more?: Readonly<Record<string, string>>): Promise<void>;
  /** A mapping that has become Enabled. Returns its id. */
  map(
    functionName: string,
    streamArn: string,
    more?: Partial<CreateEventSourceMappingCommandInput>,
  ): Promise<string>;
  /** The events that function was called with, oldest first. */
  events(functionName: string): Promise<StreamEvent[]>;
  /** Ends the server with SIGKILL, and starts another one on the same folder and port. */
  crash(): Promise<void>;
}

export async function openStreams(): Promise<Streams> {
  let server = await startServer();
  const api = clients(server);
  const dynamodb = new DynamoDBClient({ ...SDK_CONFIG, endpoint: server.endpoint });
  const put: Streams["put"] = async (TableName, id, more = {}) => {
    const attributes = Object.entries({ id, ...more }).map(([name, S]) => [name, { S }]);
    const Item = Object.fromEntries(attributes) as Record<string, { S: string }>;
    await dynamodb.send(new PutItemCommand({ TableName, Item }));
  };
  return {
    get server() {
      return server;
    },
    api,
    dynamodb,
    async table(TableName, StreamViewType = "NEW_AND_OLD_IMAGES") {
      const { TableDescription } = await dynamodb.send(
        new CreateTableCommand({
          TableName,
          AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
          KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
          BillingMode: "PAY_PER_REQUEST",
          StreamSpecification: { StreamEnabled: true, StreamViewType },
        }),
      );
      // The first write succeeds once the table is active.
      await until("the table is active", () => put(TableName, "first").then(() => true));
      return TableDescription?.LatestStreamArn ?? "";
    },
    put,
    async map(FunctionName, EventSourceArn, more = {}) {
      const { UUID, State } = await api.lambda.send(
        new CreateEventSourceMappingCommand({
          FunctionName,
          EventSourceArn,
          StartingPosition: "TRIM_HORIZON",
          ...more,
        }),
      );
      assert.equal(State, "Creating");
      await until(
        "the mapping is enabled",
        async () => (await api.lambda.send(new GetEventSourceMappingCommand({ UUID }))).State === "Enabled",
      );
      return UUID ?? "";
    },
    async events(name) {
      // The log group comes with the first line.
      const lines = await api.lines(name, "EVENT").catch(() => []);
      return lines.map((line) => JSON.parse(line.slice("EVENT ".length)) as StreamEvent);
    },
    async crash() {
      const { dataDir, port } = server;
      await server.kill();
      server = await startServer({ dataDir, port });
    },
    async [Symbol.asyncDispose]() {
      api.destroy();
      dynamodb.destroy();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** The ids of an event's records. */
export const idsOf = (event: StreamEvent): string[] =>
  event.Records.map((record) => record.dynamodb.Keys["id"]?.S ?? "");

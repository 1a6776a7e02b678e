/** Amazon DynamoDB Streams: reads what DynamoDB wrote; keeps nothing of its own. */
import { defineService, type Service } from "../../aws/service.ts";
import { access } from "./access.ts";
import { operations, type Deps } from "./operations.ts";

export function createDynamodbStreams(deps: Deps): Service {
  const service = defineService<typeof import("@aws-sdk/client-dynamodb-streams")>(
    "dynamodbstreams",
    operations(deps),
  );
  return { ...service, access };
}

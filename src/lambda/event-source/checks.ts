/** Whether a mapping's source and destination are there and open to the function's role. */
import { ServiceError } from "../../kernel/errors.ts";
import type { Scope } from "../../kernel/scope.ts";
import { queueUrl } from "../../events/outbox/send.ts";
import { arnParts, scopeOfArn } from "../../kernel/arn.ts";
import type { PeerIdentity, Peers } from "../../ports/peers.ts";
import { destinationChecks, isPlainQueueOrTopic } from "../control/destination-checks.ts";
import { invalidParameter } from "../control/errors.ts";
import type { MappingChecks } from "./control.ts";

export function sourceChecks(peers: Peers): Pick<MappingChecks, "source" | "destination"> {
  return {
    async source({ scope, sourceArn, kind, functionName, role, timeoutMs }) {
      const as: PeerIdentity = { kind: "role", arn: role, sessionName: functionName };
      if (kind === "dynamodb") return stream(peers, scope, sourceArn, as);
      return queue(peers, scope, sourceArn, as, timeoutMs);
    },
    async destination(scope, arn, role) {
      const isBucket = arnParts(arn).service === "s3";
      if (!isBucket && !isPlainQueueOrTopic(arn)) {
        throw invalidParameter(`The destination ARN ${arn} is invalid.`);
      }
      await destinationChecks(() => peers).check(scope, arn, role, "batches");
    },
  };
}

async function queue(
  peers: Peers,
  scope: Scope,
  arn: string,
  as: PeerIdentity,
  timeoutMs: number,
): Promise<void> {
  const base = { service: "sqs", scope: scopeOfArn(arn, scope), as };
  const QueueUrl = queueUrl(arn);
  for (const operation of ["ReceiveMessage", "DeleteMessage", "GetQueueAttributes"]) {
    await peers
      .permit({ ...base, operation, input: { QueueUrl, ReceiptHandle: "" } })
      .catch((error: unknown) => {
        if (!isDenied(error)) throw error;
        throw invalidParameter(
          `The function execution role does not have permissions to call ${operation} on SQS`,
          (error as ServiceError).hint,
        );
      });
  }
  let attributes: Readonly<Record<string, unknown>>;
  try {
    const input = { QueueUrl, AttributeNames: ["VisibilityTimeout"] };
    attributes = (await peers.call({ ...base, operation: "GetQueueAttributes", input }))[
      "Attributes"
    ] as Record<string, unknown>;
  } catch (error) {
    if (!(error instanceof ServiceError) || !/NonExistentQueue|QueueDoesNotExist/u.test(error.code))
      throw error;
    throw invalidParameter(
      "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. SQS Error Message: The specified queue does not exist.",
    );
  }
  const visibilitySeconds = Number(attributes["VisibilityTimeout"]);
  if (visibilitySeconds * 1000 < timeoutMs) {
    throw invalidParameter(
      `Queue visibility timeout: ${String(visibilitySeconds)} seconds is less than Function timeout: ${String(timeoutMs / 1000)} seconds`,
    );
  }
}

async function stream(peers: Peers, scope: Scope, arn: string, as: PeerIdentity): Promise<void> {
  const base = { service: "dynamodbstreams", scope: scopeOfArn(arn, scope), as };
  const permissions = ["GetRecords", "GetShardIterator", "DescribeStream", "ListStreams"];
  for (const operation of permissions) {
    await peers.permit({ ...base, operation, input: { StreamArn: arn } }).catch((error: unknown) => {
      if (!isDenied(error)) throw error;
      throw invalidParameter(
        `Cannot access stream ${arn}. Please ensure the role can perform the ${permissions.join(", ")} Actions on your stream in IAM.`,
        (error as ServiceError).hint,
      );
    });
  }
  try {
    await peers.call({ ...base, operation: "DescribeStream", input: { StreamArn: arn } });
  } catch (error) {
    if (!(error instanceof ServiceError) || error.code !== "ResourceNotFoundException") throw error;
    throw invalidParameter(`Stream not found: ${arn}`);
  }
}

const isDenied = (error: unknown): boolean =>
  error instanceof ServiceError && /AccessDenied|Unauthorized/u.test(error.code);

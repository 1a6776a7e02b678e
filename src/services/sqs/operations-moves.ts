import type { Operations } from "../../aws/service.ts";
import type { Directory, Queue } from "./directory.ts";
import * as errors from "./errors.ts";
import { MOVES_PER_SECOND_MAX, type MoveTask } from "./mover.ts";
import { parseQueueArn } from "./names.ts";
import type { State } from "./state.ts";
import { countMessages } from "./store.ts";
import { readTaskHandle, type TaskHandle, writeTaskHandle } from "./task-handle.ts";

type MoveOperations = Operations<typeof import("@aws-sdk/client-sqs")>;

const RESULTS_MAX = 10;

export function moveOperations(open: () => Promise<State>): MoveOperations {
  return {
    async StartMessageMoveTask(input, context) {
      const { directory, database, mover } = await open();
      const { DestinationArn: destinationArn, MaxNumberOfMessagesPerSecond: perSecond } = input;
      const source = resource(directory, input.SourceArn ?? "", "SourceArn");
      checkRate(perSecond);
      if (!isDeadLetterQueue(directory, source)) {
        throw errors.invalidParameter("Source queue must be configured as a Dead Letter Queue.");
      }
      if (destinationArn !== undefined)
        checkDestination(source, resource(directory, destinationArn, "DestinationArn"));
      const [latest] = await mover.list(source.arn, 1);
      if (latest?.status === "RUNNING" || latest?.status === "CANCELLING") {
        throw errors.invalidParameter(
          "There is already a task running. Only one active task is allowed for a source queue arn at a given time.",
        );
      }
      const { visible: toMove } = await countMessages(database, source, context.clock.now());
      return {
        TaskHandle: writeTaskHandle(await mover.start({ source, destinationArn, perSecond, toMove })),
      };
    },

    async ListMessageMoveTasks(input) {
      const { directory, mover } = await open();
      const { MaxResults: max = 1 } = input;
      const source = resource(directory, input.SourceArn ?? "", "SourceArn");
      if (max < 1 || max > RESULTS_MAX) {
        throw errors.invalidValue(max, "MaxResults", `Value must be between 1 and ${String(RESULTS_MAX)}.`);
      }
      return { Results: (await mover.list(source.arn, max)).map(shown) };
    },

    async CancelMessageMoveTask(input) {
      const { directory, mover } = await open();
      const { taskId, sourceArn } = openHandle(input.TaskHandle ?? "");
      resource(directory, sourceArn, "SourceArn");
      const task = await mover.find(taskId);
      if (task === undefined || task.sourceArn !== sourceArn)
        throw errors.resourceNotFound("Task does not exist.");
      const moved = await mover.cancel(taskId);
      if (moved === undefined) throw errors.invalidParameter("Only active tasks can be cancelled.");
      return { ApproximateNumberOfMessagesMoved: moved };
    },
  };
}

function resource(directory: Directory, arn: string, parameter: string): Queue {
  if (parseQueueArn(arn) === undefined) {
    throw errors.invalidParameter(
      `You must use this format to specify the ${parameter}: arn:<partition>:<service>:<region>:<account-id>:<resource-id>`,
    );
  }
  const queue = directory.byArn(arn);
  if (queue !== undefined) return queue;
  throw errors.resourceNotFound(
    `The resource that you specified for the ${parameter} parameter doesn't exist.`,
  );
}

function isDeadLetterQueue(directory: Directory, queue: Queue): boolean {
  return directory.list(queue).some(({ settings }) => settings.redrive?.deadLetterTargetArn === queue.arn);
}

function checkDestination(source: Queue, destination: Queue): void {
  if (source.arn === destination.arn) {
    throw errors.invalidParameter("Source queue arn and destination queue arn cannot be the same.");
  }
  if (source.fifo !== destination.fifo) {
    throw errors.invalidParameter("Source queue and destination queue must be of the same type.");
  }
}

function checkRate(perSecond: number | undefined): void {
  if (perSecond === undefined || (perSecond >= 1 && perSecond <= MOVES_PER_SECOND_MAX)) return;
  throw errors.invalidValue(
    perSecond,
    "MaxNumberOfMessagesPerSecond",
    `Value must be between 1 and ${String(MOVES_PER_SECOND_MAX)}.`,
  );
}

function openHandle(handle: string): TaskHandle {
  const read = readTaskHandle(handle);
  if (read === undefined) throw errors.invalidValue(handle, "TaskHandle", "The task handle is not valid.");
  return read;
}

/** The handle is shown only while the task can be cancelled. */
function shown(task: MoveTask): object {
  return {
    ...(task.status === "RUNNING" ? { TaskHandle: writeTaskHandle(task) } : {}),
    Status: task.status,
    SourceArn: task.sourceArn,
    ...(task.destinationArn === undefined ? {} : { DestinationArn: task.destinationArn }),
    ...(task.perSecond === undefined ? {} : { MaxNumberOfMessagesPerSecond: task.perSecond }),
    ApproximateNumberOfMessagesMoved: task.moved,
    ApproximateNumberOfMessagesToMove: task.toMove,
    ...(task.failure === undefined ? {} : { FailureReason: task.failure }),
    StartedTimestamp: task.startedAt,
  };
}

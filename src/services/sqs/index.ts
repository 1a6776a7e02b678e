import { defineService, type Service } from "../../aws/service.ts";
import { access } from "./access.ts";
import { messageOperations } from "./operations-messages.ts";
import { moveOperations } from "./operations-moves.ts";
import { permissionOperations } from "./operations-permissions.ts";
import { queueOperations } from "./operations-queues.ts";
import { openState, type SqsDeps, type State } from "./state.ts";

export { migrations } from "./schema.ts";
export type { SqsDeps } from "./state.ts";

export interface Sqs {
  readonly service: Service;
  /** Goes on with what an earlier server left: retention, move tasks. Opens nothing where there is nothing. */
  start(): Promise<void>;
  /** Queues of all accounts and regions, and the messages in them. Opens nothing where there is nothing. */
  counts(): Promise<{ readonly queues: number; readonly messages: number }>;
  /** Ends the long polls with an empty answer and closes the file. */
  close(): Promise<void>;
}

export function createSqs(deps: SqsDeps): Sqs {
  let state: Promise<State> | undefined;
  let closed = false;

  function open(): Promise<State> {
    if (closed) return Promise.reject(new Error("the service is closed"));
    state ??= openState(deps).catch((error: unknown) => {
      // The next request tries again: the disk may have room then.
      state = undefined;
      throw error;
    });
    return state;
  }

  return {
    service: {
      ...defineService<typeof import("@aws-sdk/client-sqs")>("sqs", {
        ...queueOperations(open),
        ...messageOperations(open),
        ...permissionOperations(open),
        ...moveOperations(open),
      }),
      access: access(open),
    },
    async start() {
      if (deps.hasData()) await open();
    },
    async counts() {
      if (state === undefined && !deps.hasData()) return { queues: 0, messages: 0 };
      const { database } = await open();
      const [row] = await database.read(
        `SELECT (SELECT COUNT(*) FROM sqs_queues) AS queues, (SELECT COUNT(*) FROM sqs_messages
          WHERE box_id IN (SELECT box_id FROM sqs_queues)) AS messages`,
      );
      return { queues: Number(row?.["queues"]), messages: Number(row?.["messages"]) };
    },
    async close() {
      closed = true;
      await (await state)?.close();
    },
  };
}

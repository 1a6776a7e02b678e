/** A task handle names a message move task and the queue it empties: JSON in base64. */
export interface TaskHandle {
  readonly taskId: string;
  readonly sourceArn: string;
}

export function writeTaskHandle({ taskId, sourceArn }: TaskHandle): string {
  return Buffer.from(JSON.stringify({ taskId, sourceArn })).toString("base64");
}

/** Undefined for what was never handed out. Authorization and operation must read the same in it. */
export function readTaskHandle(handle: string): TaskHandle | undefined {
  try {
    const { taskId, sourceArn } = JSON.parse(Buffer.from(handle, "base64").toString("utf8")) as {
      taskId?: unknown;
      sourceArn?: unknown;
    };
    if (typeof taskId === "string" && typeof sourceArn === "string") return { taskId, sourceArn };
  } catch {
    // Not one of ours.
  }
  return undefined;
}

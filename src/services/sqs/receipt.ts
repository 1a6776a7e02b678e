/**
 * A receipt handle names one receive of one message: the queue, the box its messages lay in, the message
 * and which receive of it. A later receive makes it stale; a purge makes it point to nothing.
 */
export interface Receipt {
  readonly queueId: number;
  readonly boxId: number;
  readonly seq: number;
  /** The message's receive count at that receive. */
  readonly receive: number;
}

const VERSION = "lambent1";

export function writeReceipt({ queueId, boxId, seq, receive }: Receipt): string {
  const text = [VERSION, queueId, boxId, seq, receive].join(":");
  return Buffer.from(text, "latin1").toString("base64");
}

/** Undefined for what was never handed out. */
export function readReceipt(handle: string): Receipt | undefined {
  if (!/^[A-Za-z0-9+/=]{1,200}$/u.test(handle)) return undefined;
  const [version, ...fields] = Buffer.from(handle, "base64").toString("latin1").split(":");
  const numbers = fields.map(Number);
  if (version !== VERSION || numbers.length !== 4 || !numbers.every(Number.isSafeInteger)) return undefined;
  const [queueId = 0, boxId = 0, seq = 0, receive = 0] = numbers;
  return { queueId, boxId, seq, receive };
}

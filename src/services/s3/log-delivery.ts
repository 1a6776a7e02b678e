import type { AnsweredRequest } from "../../aws/service.ts";
import type { Clock, Timer } from "../../kernel/clock.ts";
import type { Logger } from "../../kernel/log.ts";
import type { Random } from "../../kernel/random.ts";
import type { Peers } from "../../ports/peers.ts";
import { accessRecord, placeOf } from "./access-log.ts";
import { hasLists } from "./acl-grants.ts";
import type { BucketStore } from "./bucket-store.ts";
import { type Logging, LOGGING, loggingOf, logKey } from "./logging.ts";
import { type Bucket, bucketArn, ownerId } from "./model.ts";
import { requesterPays } from "./requester-pays.ts";

/** AWS delivers within hours; who looks at a log here has just made the requests. */
const EVERY_MS = 60_000;
/** Of one object. */
const OBJECT_BYTES = 1024 * 1024;
/** Of all that waits; what comes beyond is lost, which AWS allows itself, too. */
const WAITING_BYTES = 16 * 1024 * 1024;
const PRINCIPAL = "logging.s3.amazonaws.com";

export interface LogDelivery {
  /** A request has been answered, whatever it was for. */
  readonly noted: (tell: () => AnsweredRequest) => void;
  /** A bucket's configuration has changed. */
  changed(bucket: Bucket): void;
  /** Delivers what has been gathered. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

export interface LogDeliveryDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly buckets: BucketStore;
  readonly peers: () => Peers;
}

interface Gathered {
  readonly bucket: Bucket;
  readonly firstMs: number;
  readonly lines: string[];
  bytes: number;
}

/**
 * Server access logs. The buckets that are logged are known in memory, so that requests to others cost
 * nothing. Records gather by bucket (and by day, where names tell the day of events) and become an
 * object of the target bucket: when there are enough, once a minute, and when the server stops. The
 * objects are put as AWS's log service, whom the target has to let in.
 */
export async function createLogDelivery(deps: LogDeliveryDeps): Promise<LogDelivery> {
  const { clock, random, log, buckets, peers } = deps;
  const logged = new Map((await buckets.withSetting(LOGGING)).map((bucket) => [bucket.name, bucket]));
  let gathered = new Map<string, Gathered>();
  let waiting = 0;
  let lost = 0;
  let timer: Timer | undefined;
  let running: Promise<void> = Promise.resolve();

  function noted(tell: () => AnsweredRequest): void {
    if (logged.size === 0) return;
    const request = tell();
    const bucket = logged.get(placeOf(request).bucket);
    if (bucket === undefined) return;
    const line = accessRecord(bucket, request);
    if (waiting + line.length > WAITING_BYTES) {
      lost += 1;
      return;
    }
    waiting += line.length;
    const id = `${bucket.name} ${new Date(request.receivedMs).toISOString().slice(0, 10)}`;
    const batch = gathered.get(id) ?? { bucket, firstMs: request.receivedMs, lines: [], bytes: 0 };
    gathered.set(id, batch);
    batch.lines.push(line);
    batch.bytes += line.length;
    if (batch.bytes >= OBJECT_BYTES) void flush();
    else timer ??= clock.timer(EVERY_MS, () => void flush());
  }

  function flush(): Promise<void> {
    timer?.cancel();
    timer = undefined;
    const batches = [...gathered.values()];
    gathered = new Map();
    running = running.then(async () => {
      for (const batch of batches) {
        await deliver(batch).catch((error: unknown) => {
          log.warn(
            { bucket: batch.bucket.name, error: String(error) },
            "an access log could not be delivered: its target bucket must let logging.s3.amazonaws.com put objects",
          );
        });
        waiting -= batch.bytes;
      }
      if (lost > 0) log.warn({ lost }, "requests were not logged: they came faster than logs are delivered");
      lost = 0;
    });
    return running;
  }

  /** As the bucket is configured now. */
  async function deliver({ bucket: { name }, firstMs, lines }: Gathered): Promise<void> {
    const bucket = await buckets.get(name);
    const logging = bucket === undefined ? undefined : loggingOf(bucket);
    if (bucket === undefined || logging === undefined) {
      logged.delete(name);
      return;
    }
    const target = await buckets.get(logging.TargetBucket ?? "");
    // AWS delivers to no bucket whose readers pay.
    if (target === undefined || requesterPays(target)) return;
    const unique = random.hex(16).toUpperCase();
    await peers().call({
      service: "s3",
      operation: "PutObject",
      input: {
        Bucket: target.name,
        Key: logKey(bucket, logging, { firstMs, nowMs: clock.now() }, unique),
        Body: Buffer.from(lines.join("")),
        ContentType: "text/plain",
        ...(hasLists(target) ? grantHeaders(target, logging) : {}),
      },
      scope: { accountId: target.accountId, region: target.region },
      as: {
        kind: "service",
        principal: PRINCIPAL,
        sourceArn: bucketArn(bucket.name),
        sourceAccount: bucket.accountId,
      },
    });
  }

  return {
    noted,
    changed(bucket) {
      if (loggingOf(bucket) === undefined) logged.delete(bucket.name);
      else logged.set(bucket.name, bucket);
    },
    flush,
    close: () => flush(),
  };
}

/** Members of PutObject. WRITE and WRITE_ACP to the log service itself mean nothing of an object. */
const GRANT_MEMBERS: Readonly<Record<string, string>> = {
  FULL_CONTROL: "GrantFullControl",
  READ: "GrantRead",
  READ_ACP: "GrantReadACP",
  WRITE_ACP: "GrantWriteACP",
};

/** The target's owner keeps the whole of the log, whoever else may read it. */
function grantHeaders({ accountId }: Bucket, { TargetGrants }: Logging): Record<string, string> {
  if (TargetGrants === undefined || TargetGrants.length === 0) return {};
  const members: Record<string, string> = { GrantFullControl: `id="${ownerId(accountId)}"` };
  for (const { Grantee, Permission } of TargetGrants) {
    const member = GRANT_MEMBERS[Permission ?? ""];
    if (member === undefined || Grantee === undefined) continue;
    const who = Grantee.URI === undefined ? `id="${Grantee.ID ?? ""}"` : `uri="${Grantee.URI}"`;
    members[member] = members[member] === undefined ? who : `${members[member]}, ${who}`;
  }
  return members;
}

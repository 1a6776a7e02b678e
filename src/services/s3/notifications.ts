import { bucketArn, type Bucket, principalId } from "./model.ts";

/**
 * Which events of a bucket go where, and what they look like:
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
 */

export type EventName =
  | "ObjectCreated:Put"
  | "ObjectCreated:Post"
  | "ObjectCreated:Copy"
  | "ObjectCreated:CompleteMultipartUpload"
  | "ObjectRemoved:Delete"
  | "ObjectRemoved:DeleteMarkerCreated"
  | "LifecycleExpiration:Delete"
  | "LifecycleExpiration:DeleteMarkerCreated"
  | "ObjectTagging:Put"
  | "ObjectTagging:Delete"
  | "ObjectAcl:Put"
  | "LifecycleTransition"
  | "ObjectRestore:Post"
  | "ObjectRestore:Completed"
  | "ObjectRestore:Delete";

/** S3 itself, where it acts without a request. */
export const PRINCIPAL = "s3.amazonaws.com";

/** What has happened to an object. */
export interface Change {
  readonly name: EventName;
  readonly key: string;
  /** Left out where AWS's event does. */
  readonly bytes?: number;
  readonly etag?: string;
  /** The null version has no name in events. */
  readonly versionId: string | undefined;
  readonly seq: number;
  /** The storage class that a rule has moved it to. */
  readonly movedTo?: string;
  /** Of a restored copy: where it comes from, and, once it is there, until when it is kept. */
  readonly restore?: { readonly storageClass: string | undefined; readonly untilMs: number | undefined };
}

/** Who did it, with which request. */
export interface Cause {
  readonly timeMs: number;
  readonly requestId: string;
  /** Unique id of the caller, e.g. `AIDA…`. */
  readonly userId: string;
  readonly accountId: string;
  readonly sourceIp: string;
  /** X-Amzn-Trace-Id of the request. */
  readonly traceHeader: string | undefined;
}

export interface KeyFilterRule {
  readonly Name: string;
  readonly Value: string;
}

export interface Target {
  readonly id: string;
  readonly arn: string;
  readonly events: readonly string[];
  readonly rules: readonly KeyFilterRule[];
}

/** A notification configuration as it is kept. */
export interface Notification {
  readonly functions: readonly Target[];
  readonly queues: readonly Target[];
  readonly topics: readonly Target[];
  readonly eventBridge: boolean;
}

export function notificationOf(bucket: Bucket): Notification | undefined {
  const text = bucket.settings["notification"];
  return text === undefined ? undefined : (JSON.parse(text) as Notification);
}

/** `s3:ObjectCreated:*` and `s3:ObjectCreated:Put` mean this event; so does `s3:ObjectAcl:Put`. */
export function meansEvent(configured: string, name: EventName): boolean {
  const event = configured.replace(/^s3:/u, "");
  return event === name || (event.endsWith(":*") && name.startsWith(event.slice(0, -1)));
}

export function wants(target: Target, change: Pick<Change, "name" | "key">): boolean {
  return (
    target.events.some((event) => meansEvent(event, change.name)) &&
    target.rules.every(({ Name, Value }) =>
      Name.toLowerCase() === "prefix" ? change.key.startsWith(Value) : change.key.endsWith(Value),
    )
  );
}

/** As a form would encode it, but slashes stay. */
export function eventKey(key: string): string {
  return encodeURIComponent(key.toWellFormed())
    .replaceAll(/[!'()~]/gu, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll("%20", "+")
    .replaceAll("%2F", "/");
}

/** Hexadecimal; of two events of a key the later one has the greater one. */
export function sequencer(seq: number): string {
  return `00${seq.toString(16).toUpperCase().padStart(16, "0")}`;
}

/** The `Records` message for functions, queues and topics. */
export function eventMessage(bucket: Bucket, target: Target, change: Change, cause: Cause): string {
  const isStateEvent = /^(?:ObjectTagging|ObjectAcl|Lifecycle)/u.test(change.name);
  const untilMs = change.restore?.untilMs;
  const record = {
    eventVersion: isStateEvent ? "2.3" : "2.1",
    eventSource: "aws:s3",
    awsRegion: bucket.region,
    eventTime: new Date(cause.timeMs).toISOString(),
    eventName: change.name,
    userIdentity: { principalId: isNamed(cause.userId) ? cause.userId : `AWS:${cause.userId}` },
    requestParameters: { sourceIPAddress: cause.sourceIp },
    responseElements: { "x-amz-request-id": cause.requestId, "x-amz-id-2": cause.requestId },
    s3: {
      s3SchemaVersion: "1.0",
      configurationId: target.id,
      bucket: {
        name: bucket.name,
        ownerIdentity: { principalId: principalId(bucket.accountId) },
        arn: bucketArn(bucket.name),
      },
      object: {
        key: eventKey(change.key),
        size: change.bytes,
        eTag: change.etag,
        versionId: change.versionId,
        sequencer: /^Object(?:Tagging|Acl)/u.test(change.name) ? undefined : sequencer(change.seq),
      },
    },
    lifecycleEventData:
      change.movedTo === undefined
        ? undefined
        : { transitionEventData: { destinationStorageClass: change.movedTo } },
    glacierEventData:
      untilMs === undefined
        ? undefined
        : {
            restoreEventData: {
              lifecycleRestorationExpiryTime: new Date(untilMs).toISOString(),
              lifecycleRestoreStorageClass: change.restore?.storageClass,
            },
          },
  };
  return JSON.stringify({ Records: [record] });
}

/** Sessions (`AROA…:name`) and S3 itself stand as they are; users and accounts behind `AWS:`. */
function isNamed(userId: string): boolean {
  return userId.includes(":") || userId === PRINCIPAL;
}

interface BridgeForm {
  readonly type: string;
  readonly reason?: string;
  readonly deletion?: string;
}

const PERMANENT = "Permanently Deleted";
const MARKER = "Delete Marker Created";

const BRIDGE: Readonly<Record<EventName, BridgeForm>> = {
  "ObjectCreated:Put": { type: "Object Created", reason: "PutObject" },
  "ObjectCreated:Post": { type: "Object Created", reason: "POST Object" },
  "ObjectCreated:Copy": { type: "Object Created", reason: "CopyObject" },
  "ObjectCreated:CompleteMultipartUpload": { type: "Object Created", reason: "CompleteMultipartUpload" },
  "ObjectRemoved:Delete": { type: "Object Deleted", reason: "DeleteObject", deletion: PERMANENT },
  "ObjectRemoved:DeleteMarkerCreated": { type: "Object Deleted", reason: "DeleteObject", deletion: MARKER },
  "LifecycleExpiration:Delete": {
    type: "Object Deleted",
    reason: "Lifecycle Expiration",
    deletion: PERMANENT,
  },
  "LifecycleExpiration:DeleteMarkerCreated": {
    type: "Object Deleted",
    reason: "Lifecycle Expiration",
    deletion: MARKER,
  },
  "ObjectTagging:Put": { type: "Object Tags Added" },
  "ObjectTagging:Delete": { type: "Object Tags Deleted" },
  "ObjectAcl:Put": { type: "Object ACL Updated" },
  LifecycleTransition: { type: "Object Storage Class Changed" },
  "ObjectRestore:Post": { type: "Object Restore Initiated" },
  "ObjectRestore:Completed": { type: "Object Restore Completed" },
  "ObjectRestore:Delete": { type: "Object Restore Expired" },
};

/** The entry for the default event bus: its detail-type and detail. */
export function bridgeEvent(
  bucket: Bucket,
  change: Change,
  cause: Cause,
): { readonly detailType: string; readonly detail: string } {
  const form = BRIDGE[change.name];
  const { restore } = change;
  const isRequest = cause.sourceIp !== PRINCIPAL;
  const detail = {
    version: "0",
    bucket: { name: bucket.name },
    object: {
      key: change.key,
      size: change.bytes,
      etag: change.etag,
      "version-id": change.versionId,
      sequencer: /^(?:Object(?:Tagging|Acl|Restore)|LifecycleTransition)/u.test(change.name)
        ? undefined
        : sequencer(change.seq),
    },
    "request-id": cause.requestId,
    requester: isRequest ? cause.accountId : PRINCIPAL,
    "source-ip-address": isRequest ? cause.sourceIp : undefined,
    reason: form.reason,
    "deletion-type": form.deletion,
    "restore-expiry-time":
      restore?.untilMs === undefined
        ? undefined
        : new Date(restore.untilMs).toISOString().replace(".000Z", "Z"),
    "source-storage-class": restore?.storageClass,
    "destination-storage-class": change.movedTo,
  };
  return { detailType: form.type, detail: JSON.stringify(detail) };
}

/** What queues and topics get when they are configured. */
export function testMessage(bucket: Bucket, timeMs: number, requestId: string): string {
  return JSON.stringify({
    Service: "Amazon S3",
    Event: "s3:TestEvent",
    Time: new Date(timeMs).toISOString(),
    Bucket: bucket.name,
    RequestId: requestId,
    HostId: requestId,
  });
}

/** Queues: attributes and their rules, names, lists, tags, permissions, purge and deletion. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ACCOUNT, arnOf, openSqs, REGION, refusal } from "./sqs-harness.ts";

const STANDARD = {
  ApproximateNumberOfMessages: "0",
  ApproximateNumberOfMessagesDelayed: "0",
  ApproximateNumberOfMessagesNotVisible: "0",
  DelaySeconds: "0",
  MaximumMessageSize: "1048576",
  MessageRetentionPeriod: "345600",
  ReceiveMessageWaitTimeSeconds: "0",
  SqsManagedSseEnabled: "true",
  VisibilityTimeout: "30",
};
const FIFO = {
  ...STANDARD,
  ContentBasedDeduplication: "false",
  DeduplicationScope: "queue",
  FifoQueue: "true",
  FifoThroughputLimit: "perQueue",
};

test("a new queue shows AWS's defaults", async (t) => {
  const aws = await openSqs(t);
  const stamp = String(Math.floor(aws.clock.now() / 1000));
  for (const [name, expected] of [
    ["plain", STANDARD],
    ["ordered.fifo", FIFO],
  ] as const) {
    const url = await aws.queue(name);
    assert.equal(url, `http://127.0.0.1:4566/${ACCOUNT}/${name}`);
    const { Attributes } = await aws.call("GetQueueAttributes", { QueueUrl: url, AttributeNames: ["All"] });
    assert.deepEqual(Attributes, {
      ...expected,
      CreatedTimestamp: stamp,
      LastModifiedTimestamp: stamp,
      QueueArn: arnOf(name),
    });
  }
});

test("attributes are given as they are asked for", async (t) => {
  const aws = await openSqs(t);
  const url = await aws.queue("q", { DelaySeconds: "7" });
  assert.deepEqual(await aws.call("GetQueueAttributes", { QueueUrl: url }), {});
  assert.deepEqual(
    await aws.call("GetQueueAttributes", { QueueUrl: url, AttributeNames: ["DelaySeconds", "QueueArn"] }),
    { Attributes: { DelaySeconds: "7", QueueArn: arnOf("q") } },
  );
  assert.deepEqual(await aws.call("GetQueueAttributes", { QueueUrl: url, AttributeNames: ["Policy"] }), {});
  await assert.rejects(
    aws.call("GetQueueAttributes", { QueueUrl: url, AttributeNames: ["Nonsense"] }),
    refusal("InvalidAttributeName", "Unknown Attribute Nonsense."),
  );
});

test("a name is refused in AWS's words", async (t) => {
  const aws = await openSqs(t);
  const plain = "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length";
  const fifo =
    "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end with .fifo suffix and be 1 to 80 in length.";
  for (const name of ["", "a".repeat(81), "a b", "a/b", "a.fifo", "ü"]) {
    await assert.rejects(
      aws.call("CreateQueue", { QueueName: name }),
      refusal("InvalidParameterValueException", plain),
    );
  }
  for (const name of ["a", ".fifo", `${"a".repeat(76)}.fifo`]) {
    await assert.rejects(
      aws.call("CreateQueue", { QueueName: name, Attributes: { FifoQueue: "true" } }),
      refusal("InvalidParameterValueException", fifo),
    );
  }
  await assert.rejects(
    aws.call("CreateQueue", {}),
    refusal("MissingRequiredParameterException", "The request must contain the parameter QueueName."),
  );
  assert.match(await aws.queue("a".repeat(80)), /a{80}$/);
  assert.match(await aws.queue(`${"a".repeat(75)}.fifo`), /fifo$/);
});

test("attributes out of range, of the wrong type or unknown are refused", async (t) => {
  const aws = await openSqs(t);
  const outside: Record<string, string[]> = {
    DelaySeconds: ["-1", "901", "x", "1.5"],
    MaximumMessageSize: ["1023", "1048577"],
    MessageRetentionPeriod: ["59", "1209601"],
    ReceiveMessageWaitTimeSeconds: ["-1", "21"],
    VisibilityTimeout: ["-1", "43201"],
    KmsDataKeyReusePeriodSeconds: ["59", "86401"],
    SqsManagedSseEnabled: ["yes"],
    Policy: ["no json", "[]"],
  };
  for (const [name, values] of Object.entries(outside)) {
    for (const value of values) {
      await assert.rejects(
        aws.call("CreateQueue", { QueueName: "q", Attributes: { [name]: value } }),
        refusal("InvalidAttributeValue", `Invalid value for the parameter ${name}.`),
      );
    }
  }
  for (const name of ["FifoQueue", "ContentBasedDeduplication", "QueueArn", "Foo"]) {
    await assert.rejects(
      aws.call("CreateQueue", { QueueName: "q", Attributes: { [name]: "false" } }),
      refusal("InvalidAttributeName", `Unknown Attribute ${name}.`),
    );
  }
  for (const [name, value] of [
    ["DeduplicationScope", "queue"],
    ["FifoThroughputLimit", "perQueue"],
  ] as const) {
    await assert.rejects(
      aws.call("CreateQueue", { QueueName: "q", Attributes: { [name]: value } }),
      refusal("InvalidAttributeName", `You can specify the ${name} only when FifoQueue is set to true.`),
    );
  }
  await assert.rejects(
    aws.queue("q.fifo", { FifoThroughputLimit: "perMessageGroupId" }),
    refusal("InvalidAttributeValue", /perMessageGroupId/),
  );
  await aws.queue("q.fifo", { FifoThroughputLimit: "perMessageGroupId", DeduplicationScope: "messageGroup" });
});

test("creating a queue again is fine unless something about it should be different", async (t) => {
  const aws = await openSqs(t);
  const url = await aws.queue("q", { VisibilityTimeout: "40" });
  assert.equal(await aws.queue("q"), url);
  assert.equal(await aws.queue("q", { VisibilityTimeout: "40", DelaySeconds: "0" }), url);
  await assert.rejects(
    aws.queue("q", { VisibilityTimeout: "41" }),
    refusal(
      "QueueNameExists",
      "A queue already exists with the same name and a different value for attribute VisibilityTimeout",
    ),
  );
});

test("queues of other accounts and regions are others", async (t) => {
  const aws = await openSqs(t);
  const here = await aws.queue("q");
  await aws.call("CreateQueue", { QueueName: "q" }, { region: "us-east-1" });
  await aws.send(here, "here");
  assert.deepEqual(await aws.call("ReceiveMessage", { QueueUrl: here }, { region: "us-east-1" }), {});
  assert.deepEqual(await aws.bodies(`https://sqs.${REGION}.amazonaws.com/${ACCOUNT}/q`), ["here"]);
  await assert.rejects(
    aws.call("GetQueueUrl", { QueueName: "q", QueueOwnerAWSAccountId: "000000000000" }),
    refusal("QueueDoesNotExist", "The specified queue does not exist."),
  );
});

test("a QueueUrl is understood in every form, and nonsense is no address", async (t) => {
  const aws = await openSqs(t);
  const url = await aws.queue("q");
  for (const form of [
    url,
    `https://sqs.${REGION}.amazonaws.com/${ACCOUNT}/q`,
    `https://queue.amazonaws.com/${ACCOUNT}/q`,
    `https://${REGION}.queue.amazonaws.com/${ACCOUNT}/q/`,
    `http://sqs.${REGION}.localhost.localstack.cloud:4566/${ACCOUNT}/q`,
    `http://localhost:4566/queue/${REGION}/${ACCOUNT}/q`,
  ]) {
    const { Attributes } = await aws.call("GetQueueAttributes", {
      QueueUrl: form,
      AttributeNames: ["QueueArn"],
    });
    assert.deepEqual(Attributes, { QueueArn: arnOf("q") }, form);
  }
  for (const form of ["q", "", "http://127.0.0.1:4566/", `http://127.0.0.1:4566/q`, "ftp://x/1/q"]) {
    await assert.rejects(
      aws.call("GetQueueAttributes", { QueueUrl: form }),
      refusal("InvalidAddress", `The address ${form} is not valid for this endpoint.`),
    );
  }
  await assert.rejects(
    aws.call("SendMessage", { MessageBody: "x" }),
    refusal("MissingRequiredParameterException", "The request must contain the parameter QueueUrl."),
  );
});

test("ListQueues pages, by prefix and by name", async (t) => {
  const aws = await openSqs(t);
  assert.deepEqual(await aws.call("ListQueues"), {});
  for (const name of ["b2", "a", "b1", "b3"]) await aws.queue(name);
  const names = (urls: string[]): string[] => urls.map((url) => url.split("/").at(-1) ?? "");
  assert.deepEqual(names((await aws.call("ListQueues")).QueueUrls), ["a", "b1", "b2", "b3"]);
  const first = await aws.call("ListQueues", { QueueNamePrefix: "b", MaxResults: 2 });
  assert.deepEqual(names(first.QueueUrls), ["b1", "b2"]);
  const { NextToken } = first;
  const second = await aws.call("ListQueues", { QueueNamePrefix: "b", MaxResults: 2, NextToken });
  assert.deepEqual(names(second.QueueUrls), ["b3"]);
  assert.equal(second.NextToken, undefined);
  await assert.rejects(
    aws.call("ListQueues", { QueueNamePrefix: "a", MaxResults: 2, NextToken }),
    refusal("InvalidParameterValueException"),
  );
  for (const MaxResults of [0, 1001]) {
    await assert.rejects(aws.call("ListQueues", { MaxResults }), refusal("InvalidParameterValueException"));
  }
});

test("SetQueueAttributes changes what it names; an empty value is the default again", async (t) => {
  const aws = await openSqs(t);
  const url = await aws.queue("q", { DelaySeconds: "3" });
  const set = (Attributes: object): Promise<unknown> =>
    aws.call("SetQueueAttributes", { QueueUrl: url, Attributes });
  await set({ VisibilityTimeout: "0", DelaySeconds: "" });
  assert.equal(await aws.attribute(url, "VisibilityTimeout"), "0");
  assert.equal(await aws.attribute(url, "DelaySeconds"), "0");
  await assert.rejects(
    set({ FifoQueue: "true" }),
    refusal("InvalidAttributeName", "Unknown Attribute FifoQueue."),
  );
  const again = await aws.reopen();
  assert.equal(await again.attribute(url, "VisibilityTimeout"), "0");
});

test("one kind of encryption at a time", async (t) => {
  const aws = await openSqs(t);
  const url = await aws.queue("q");
  const set = (Attributes: object): Promise<unknown> =>
    aws.call("SetQueueAttributes", { QueueUrl: url, Attributes });
  await set({ KmsMasterKeyId: "testKeyId", KmsDataKeyReusePeriodSeconds: "6000" });
  assert.equal(await aws.attribute(url, "SqsManagedSseEnabled"), "false");
  assert.equal(await aws.attribute(url, "KmsDataKeyReusePeriodSeconds"), "6000");
  await assert.rejects(
    set({ SqsManagedSseEnabled: "true" }),
    refusal(
      "InvalidAttributeName",
      "You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS SSE.",
    ),
  );
  await set({ KmsMasterKeyId: "", KmsDataKeyReusePeriodSeconds: "" });
  assert.equal(await aws.attribute(url, "KmsMasterKeyId"), undefined);
  assert.equal(await aws.attribute(url, "KmsDataKeyReusePeriodSeconds"), undefined);
  assert.equal(await aws.attribute(url, "SqsManagedSseEnabled"), "false");
  await set({ SqsManagedSseEnabled: "true" });
  assert.equal(await aws.attribute(url, "SqsManagedSseEnabled"), "true");
});

test("tags are added, replaced, removed and kept", async (t) => {
  const aws = await openSqs(t);
  const { QueueUrl } = await aws.call("CreateQueue", { QueueName: "q", tags: { a: "1", b: "" } });
  await aws.call("TagQueue", { QueueUrl, Tags: { a: "2", c: "3" } });
  assert.deepEqual(await aws.call("ListQueueTags", { QueueUrl }), { Tags: { a: "2", b: "", c: "3" } });
  await aws.call("UntagQueue", { QueueUrl, TagKeys: ["a", "b", "c", "never"] });
  assert.deepEqual(await aws.call("ListQueueTags", { QueueUrl }), {});
  const many = Object.fromEntries(Array.from({ length: 51 }, (_, index) => [`k${String(index)}`, "v"]));
  await assert.rejects(
    aws.call("TagQueue", { QueueUrl, Tags: many }),
    refusal("InvalidParameterValueException", "Too many tags added for queue q."),
  );
  await assert.rejects(
    aws.call("CreateQueue", { QueueName: "r", tags: many }),
    refusal("InvalidParameterValueException", "Too many tags added for queue r."),
  );
  await assert.rejects(
    aws.call("TagQueue", { QueueUrl, Tags: {} }),
    refusal("MissingRequiredParameterException", "The request must contain the parameter Tags."),
  );
  const keys = refusal(
    "InvalidParameterValueException",
    "Tag keys must be between 1 and 128 characters in length.",
  );
  await assert.rejects(aws.call("UntagQueue", { QueueUrl, TagKeys: [] }), keys);
  for (const key of ["", "k".repeat(129)])
    await assert.rejects(aws.call("TagQueue", { QueueUrl, Tags: { [key]: "v" } }), keys);
  await assert.rejects(
    aws.call("TagQueue", { QueueUrl, Tags: { k: "v".repeat(257) } }),
    refusal("InvalidParameterValueException", "Tag values must be between 0 and 256 characters in length."),
  );
});

test("permissions become statements of the policy", async (t) => {
  const aws = await openSqs(t);
  const url = await aws.queue("q");
  const policy = async (): Promise<unknown> => {
    const text = await aws.attribute(url, "Policy");
    return text === undefined ? undefined : JSON.parse(text);
  };
  const add = (Label: string, AWSAccountIds: string[], Actions: string[]): Promise<unknown> =>
    aws.call("AddPermission", { QueueUrl: url, Label, AWSAccountIds, Actions });
  const remove = (Label: string): Promise<unknown> => aws.call("RemovePermission", { QueueUrl: url, Label });
  const statement = (Sid: string, AWS: unknown, Action: unknown): object => ({
    Sid,
    Effect: "Allow",
    Principal: { AWS },
    Action,
    Resource: arnOf("q"),
  });
  await add("both", ["668614515564", ACCOUNT], ["ReceiveMessage"]);
  const roots = ["668614515564", ACCOUNT].map((id) => `arn:aws:iam::${id}:root`);
  const head = { Version: "2008-10-17", Id: `${arnOf("q")}/SQSDefaultPolicy` };
  assert.deepEqual(await policy(), { ...head, Statement: [statement("both", roots, "SQS:ReceiveMessage")] });
  await assert.rejects(
    add("both", [ACCOUNT], ["SendMessage"]),
    refusal(
      "InvalidParameterValueException",
      "Value both for parameter Label is invalid. Reason: Already exists.",
    ),
  );
  await add("second", [ACCOUNT], ["SendMessage", "GetQueueUrl"]);
  await remove("both");
  assert.deepEqual(await policy(), {
    ...head,
    Statement: [statement("second", roots[1], ["SQS:SendMessage", "SQS:GetQueueUrl"])],
  });
  await remove("second");
  assert.equal(await policy(), undefined);
  await assert.rejects(
    remove("second"),
    refusal(
      "InvalidParameterValueException",
      "Value second for parameter Label is invalid. Reason: can't find label.",
    ),
  );
  await assert.rejects(
    add("x", [ACCOUNT], ["CreateQueue"]),
    refusal("InvalidParameterValueException", /Only the queue owner/),
  );
  await assert.rejects(add("x", [ACCOUNT], ["Nonsense"]), refusal("InvalidParameterValueException", /WSDL/));
  await assert.rejects(
    add(
      "x",
      [ACCOUNT],
      Array.from({ length: 8 }, () => "SendMessage"),
    ),
    refusal("OverLimit", "8 Actions were found, maximum allowed is 7."),
  );
});

test("a purge empties at once, once a minute, and the rows go too", async (t) => {
  const aws = await openSqs(t);
  const url = await aws.queue("q");
  for (const body of ["seen", "waiting"]) await aws.send(url, body);
  await aws.send(url, "delayed", { DelaySeconds: 60 });
  const [seen] = await aws.receive(url);
  await aws.call("PurgeQueue", { QueueUrl: url });
  assert.equal(await aws.attribute(url, "ApproximateNumberOfMessages"), "0");
  assert.equal(await aws.attribute(url, "ApproximateNumberOfMessagesNotVisible"), "0");
  await aws.send(url, "after");
  assert.deepEqual(await aws.bodies(url), ["after"]);
  await aws.call("DeleteMessage", { QueueUrl: url, ReceiptHandle: seen.ReceiptHandle });
  await assert.rejects(
    aws.call("PurgeQueue", { QueueUrl: url }),
    refusal("PurgeQueueInProgress", "Only one PurgeQueue operation on q is allowed every 60 seconds."),
  );
  await aws.clock.advanceAsync(5000);
  const left = async (): Promise<unknown> =>
    (await aws.database().read("SELECT COUNT(*) AS count FROM sqs_bodies"))[0]?.["count"];
  while ((await left()) !== 1) await aws.clock.advanceAsync(10);
  await aws.clock.advanceAsync(60_000);
  await aws.call("PurgeQueue", { QueueUrl: url });
});

test("a deleted queue is gone with its messages, and its name stays taken for a minute", async (t) => {
  const aws = await openSqs(t);
  const url = await aws.queue("q");
  await aws.send(url, "lost");
  await aws.call("DeleteQueue", { QueueUrl: url });
  for (const operation of [
    "DeleteQueue",
    "ReceiveMessage",
    "GetQueueAttributes",
    "ListQueueTags",
    "PurgeQueue",
  ]) {
    await assert.rejects(
      aws.call(operation, { QueueUrl: url }),
      refusal("QueueDoesNotExist", "The specified queue does not exist."),
    );
  }
  assert.deepEqual(await aws.call("ListQueues"), {});
  const again = await aws.reopen();
  await assert.rejects(
    again.queue("q"),
    refusal(
      "QueueDeletedRecently",
      "You must wait 60 seconds after deleting a queue before you can create another with the same name.",
    ),
  );
  again.clock.advance(60_000);
  assert.equal(await again.queue("q"), url);
  assert.deepEqual(await again.bodies(url), []);
});

test("nothing is opened before the first request, and an idle queue keeps no timer", async (t) => {
  const aws = await openSqs(t);
  assert.throws(() => aws.database());
  assert.equal(aws.clock.timers, 0);
  const url = await aws.queue("q");
  assert.deepEqual(await aws.bodies(url), []);
  while (aws.clock.timers > 0) await aws.clock.advanceAsync(1000);
  assert.deepEqual(await aws.bodies(url), []);
  assert.equal(aws.clock.timers, 0);
});

/** SQS as its users call it: AWS SDK for JavaScript, boto3, both AWS CLIs, and the query protocol by hand. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import {
  CreateQueueCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  QueueDoesNotExist,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { AWS_CLIS } from "./aws-cli.ts";
import { clients } from "./client.ts";
import {
  clientEnv,
  PYTHON_BOTO3,
  run,
  SDK_CONFIG,
  startServer,
  until,
  type RunningServer,
} from "./server.ts";

let server: RunningServer;
let sqs: SQSClient;
let folder: string;

before(async () => {
  server = await startServer();
  sqs = new SQSClient({ ...SDK_CONFIG, endpoint: server.endpoint, maxAttempts: 1 });
  folder = mkdtempSync(join(tmpdir(), "lambent-sqs-clients-"));
});

after(async () => {
  sqs.destroy();
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

async function queue(name: string, Attributes: Record<string, string> = {}): Promise<string> {
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: name, Attributes }));
  assert.equal(QueueUrl, `${server.endpoint}/000000000000/${name}`);
  return QueueUrl ?? "";
}

test("AWS SDK v3: a message round, its digests checked by the client", async () => {
  const QueueUrl = await queue("sdk");
  const BinaryValue = new Uint8Array([0, 1, 255]);
  await sqs.send(
    new SendMessageCommand({
      QueueUrl,
      MessageBody: 'line\n"quoted" <&> é😀',
      MessageAttributes: {
        bin: { DataType: "Binary", BinaryValue },
        n: { DataType: "Number", StringValue: "1.5" },
      },
    }),
  );
  const { Messages } = await sqs.send(
    new ReceiveMessageCommand({ QueueUrl, MessageAttributeNames: ["All"], WaitTimeSeconds: 5 }),
  );
  const [message] = Messages ?? [];
  assert.equal(message?.Body, 'line\n"quoted" <&> é😀');
  assert.deepEqual(message?.MessageAttributes?.["bin"]?.BinaryValue, BinaryValue);
  await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: message?.ReceiptHandle }));
  await assert.rejects(
    sqs.send(new DeleteMessageCommand({ QueueUrl: QueueUrl.replace("sdk", "nope"), ReceiptHandle: "x" })),
    (error) => error instanceof QueueDoesNotExist,
  );
});

test("AWS SDK v3: a poll whose client hangs up takes no message", async () => {
  const QueueUrl = await queue("hang-up");
  const hungUp = new AbortController();
  const poll = sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 20 }), {
    abortSignal: hungUp.signal,
  });
  // A second poll is answered with what the first message was, so the first poll was there before it.
  const witness = sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 1 }));
  assert.equal((await witness).Messages, undefined);
  hungUp.abort();
  await assert.rejects(poll, { name: "AbortError" });
  // The end of a connection and a message on another may overtake each other: a poll of a second lies between.
  await sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 1 }));
  await sqs.send(
    new SendMessageBatchCommand({
      QueueUrl,
      Entries: ["a", "b"].map((body) => ({ Id: body, MessageBody: body })),
    }),
  );
  const seen = new Map<string, string | undefined>();
  await until("both messages came to the poll that is there", async () => {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({
        QueueUrl,
        MaxNumberOfMessages: 10,
        MessageSystemAttributeNames: ["ApproximateReceiveCount"],
      }),
    );
    for (const { Body = "", Attributes } of Messages) seen.set(Body, Attributes?.ApproximateReceiveCount);
    return seen.size === 2;
  });
  assert.deepEqual(Object.fromEntries(seen), { a: "1", b: "1" });
});

describe("both generations of the AWS CLI", { concurrency: true }, () => {
  for (const cli of AWS_CLIS) {
    test(`${cli.name}: queue, message, attributes, deletion`, { skip: cli.skip }, async () => {
      const aws = async (...args: string[]): Promise<unknown> => {
        const ran = await cli.run(server, folder, [
          "sqs",
          ...args,
          "--region",
          "us-east-1",
          "--output",
          "json",
        ]);
        assert.equal(ran.code, 0, `${args.join(" ")}\n${ran.stderr}`);
        return ran.stdout.trim() === "" ? undefined : JSON.parse(ran.stdout);
      };
      const name = `cli-${cli.suffix}`;
      const made = (await aws("create-queue", "--queue-name", name)) as { QueueUrl: string };
      const url = ["--queue-url", made.QueueUrl];
      await aws(
        "send-message",
        ...url,
        "--message-body",
        "from <the> & shell",
        "--message-attributes",
        '{"k":{"DataType":"String","StringValue":"v"},"b":{"DataType":"Binary","BinaryValue":"aGk="}}',
      );
      const got = (await aws(
        "receive-message",
        ...url,
        "--message-attribute-names",
        "All",
        "--attribute-names",
        "All",
      )) as {
        Messages: { Body: string; ReceiptHandle: string; Attributes: object; MessageAttributes: object }[];
      };
      assert.equal(got.Messages[0]?.Body, "from <the> & shell");
      assert.equal(Object.keys(got.Messages[0]?.MessageAttributes ?? {}).length, 2);
      assert.equal(Object.keys(got.Messages[0]?.Attributes ?? {}).length, 4);
      const counts = (await aws("get-queue-attributes", ...url, "--attribute-names", "All")) as {
        Attributes: Record<string, string>;
      };
      assert.equal(counts.Attributes["ApproximateNumberOfMessagesNotVisible"], "1");
      await aws("delete-message", ...url, "--receipt-handle", got.Messages[0]?.ReceiptHandle ?? "");
      const batch = (await aws(
        "send-message-batch",
        ...url,
        "--entries",
        '[{"Id":"1","MessageBody":"a"},{"Id":"2","MessageBody":"b"}]',
      )) as { Successful: object[] };
      assert.equal(batch.Successful.length, 2);
      await aws("purge-queue", ...url);
      await aws("tag-queue", ...url, "--tags", "team=blue");
      assert.deepEqual(await aws("list-queue-tags", ...url), { Tags: { team: "blue" } });
      const refused = await cli.run(server, folder, [
        "sqs",
        "get-queue-url",
        "--queue-name",
        "nope",
        "--region",
        "us-east-1",
      ]);
      assert.match(
        refused.stderr,
        /\(AWS\.SimpleQueueService\.NonExistentQueue\).*The specified queue does not exist/,
      );
    });
  }
});

/** A form signed by botocore and posted as SDKs did before SQS spoke JSON, also to the queue's own address. */
const QUERY = `import sys, urllib.parse, urllib.request, urllib.error
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
def post(url, **form):
    body = urllib.parse.urlencode({'Version': '2012-11-05', **form})
    request = AWSRequest('POST', url, data=body, headers={'Content-Type': 'application/x-www-form-urlencoded; charset=utf-8'})
    SigV4Auth(Credentials('test', 'test'), 'sqs', 'us-east-1').add_auth(request)
    sent = urllib.request.Request(url, data=body.encode(), headers=dict(request.headers), method='POST')
    try:
        with urllib.request.urlopen(sent, timeout=30) as answer: return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error: return error.code, error.read().decode()
endpoint = sys.argv[1]
queue = endpoint + '/000000000000/query'
print(post(endpoint + '/', Action='CreateQueue', QueueName='query', **{'Attribute.1.Name': 'VisibilityTimeout', 'Attribute.1.Value': '7', 'Tag.1.Key': 'k', 'Tag.1.Value': 'v'}))
print(post(queue, Action='SendMessage', MessageBody='a <b> & c', **{'MessageAttribute.1.Name': 'x', 'MessageAttribute.1.Value.DataType': 'String', 'MessageAttribute.1.Value.StringValue': 'y'}))
print(post(queue, Action='ReceiveMessage', QueueUrl=queue, **{'AttributeName.1': 'ApproximateReceiveCount', 'MessageAttributeName.1': 'All'}))
print(post(queue, Action='GetQueueAttributes', **{'AttributeName.1': 'VisibilityTimeout'}))
print(post(queue, Action='ListQueueTags'))
print(post(queue + '-not', Action='ReceiveMessage'))
print(post(queue, Action='ReceiveMessage', MaxNumberOfMessages='11'))
print(post(queue, Action='SendMessage'))
print(post(queue, Action='SendMessageBatch'))
print(post(queue, Action='FooBar'))
print(post(queue, Action='SetQueueAttributes', **{'Attribute.Name': 'DelaySeconds', 'Attribute.Value': '3'}))
print(post(queue, Action='GetQueueAttributes', AttributeName='DelaySeconds'))
`;

test("the query protocol, signed by hand", { skip: noBoto3() }, async () => {
  const ran = await run(PYTHON_BOTO3 ?? "", ["-c", QUERY, server.endpoint]);
  assert.equal(ran.code, 0, ran.stderr);
  const answers = ran.stdout.trim().split("\n");
  const expected = [
    /^\(200, .*<CreateQueueResult><QueueUrl>http:\/\/127\.0\.0\.1:\d+\/000000000000\/query<\/QueueUrl>/,
    /^\(200, .*<MD5OfMessageBody>[0-9a-f]{32}<\/MD5OfMessageBody><MD5OfMessageAttributes>[0-9a-f]{32}</,
    /<Message>.*<Body>a &lt;b&gt; &amp; c<\/Body><Attribute><Name>ApproximateReceiveCount<\/Name><Value>1<.*<MessageAttribute><Name>x<\/Name><Value><StringValue>y<\/StringValue>/,
    /<Attribute><Name>VisibilityTimeout<\/Name><Value>7<\/Value><\/Attribute>/,
    /<Tag><Key>k<\/Key><Value>v<\/Value><\/Tag>/,
    /^\(400, .*<Type>Sender<\/Type>.*<Code>AWS\.SimpleQueueService\.NonExistentQueue<\/Code>.*<Message>The specified queue does not exist\.<\/Message><Detail\/>/,
    /^\(400, .*<Code>InvalidParameterValue<\/Code>.*Must be between 1 and 10, if provided\./,
    /^\(400, .*<Code>MissingParameter<\/Code>.*The request must contain the parameter MessageBody\./,
    /^\(400, .*<Code>AWS\.SimpleQueueService\.EmptyBatchRequest<\/Code>/,
    /^\(400, .*<Code>InvalidAction<\/Code>.*The action FooBar is not valid for this endpoint\./,
    /^\(200, '<SetQueueAttributesResponse xmlns="http:\/\/queue\.amazonaws\.com\/doc\/2012-11-05\/">/,
    /<Name>DelaySeconds<\/Name><Value>3<\/Value>/,
  ];
  assert.equal(answers.length, expected.length, ran.stdout);
  for (const [index, pattern] of expected.entries()) assert.match(answers[index] ?? "", pattern);
});

const BOTO3 = `import boto3, json, os, threading
sqs = boto3.client('sqs', endpoint_url=os.environ['AWS_ENDPOINT_URL'])
seen = {}
def error(name, call, **arguments):
    try: call(**arguments); seen[name] = 'no error'
    except sqs.exceptions.ClientError as refused:
        e = refused.response['Error']; seen[name] = [e['Code'], e.get('QueryErrorCode'), refused.response['ResponseMetadata']['HTTPStatusCode']]
url = sqs.create_queue(QueueName='boto3', Attributes={'VisibilityTimeout': '1'})['QueueUrl']
sqs.send_message(QueueUrl=url, MessageBody='m', MessageAttributes={'b': {'DataType': 'Binary', 'BinaryValue': b'\\x00\\xff'}})
message = sqs.receive_message(QueueUrl=url, MessageAttributeNames=['All'], WaitTimeSeconds=1)['Messages'][0]
seen['binary'] = message['MessageAttributes']['b']['BinaryValue'].hex()
sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message['ReceiptHandle'], VisibilityTimeout=0)
seen['again'] = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5)['Messages'][0]['Body']
error('missing queue', sqs.send_message, QueueUrl=url + '-not', MessageBody='x')
error('bad number', sqs.receive_message, QueueUrl=url, MaxNumberOfMessages=11)
error('bad handle', sqs.delete_message, QueueUrl=url, ReceiptHandle='x')
error('many', sqs.send_message_batch, QueueUrl=url, Entries=[{'Id': str(i), 'MessageBody': 'x'} for i in range(20)])
error('exists', sqs.create_queue, QueueName='boto3', Attributes={'VisibilityTimeout': '2'})
error('attribute', sqs.get_queue_attributes, QueueUrl=url, AttributeNames=['x'])
error('no such task', sqs.list_message_move_tasks, SourceArn='arn:aws:sqs:us-east-1:000000000000:nope')
fifo = sqs.create_queue(QueueName='boto3.fifo', Attributes={'FifoQueue': 'true'})['QueueUrl']
error('no group', sqs.send_message, QueueUrl=fifo, MessageBody='x', MessageDeduplicationId='d')
error('no id', sqs.send_message, QueueUrl=fifo, MessageBody='x', MessageGroupId='g')
resource = boto3.resource('sqs', endpoint_url=os.environ['AWS_ENDPOINT_URL'])
for body in 'abc': resource.Queue(fifo).send_message(MessageBody=body, MessageGroupId='g', MessageDeduplicationId=body)
seen['fifo'] = [m.body for m in resource.get_queue_by_name(QueueName='boto3.fifo').receive_messages(MaxNumberOfMessages=10)]
threading.Timer(0.3, lambda: sqs.send_message(QueueUrl=url, MessageBody='late')).start()
sqs.purge_queue(QueueUrl=url)
seen['late'] = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20)['Messages'][0]['Body']
seen['pages'] = len([u for page in sqs.get_paginator('list_queues').paginate(QueueNamePrefix='boto3', PaginationConfig={'PageSize': 1}) for u in page['QueueUrls']])
traced = sqs.create_queue(QueueName='traced')['QueueUrl']
sqs.meta.events.register('before-sign.sqs.SendMessage', lambda request, **rest: request.headers.add_header('X-Amzn-Trace-Id', 'Root=1-3152b799-8954dae64eda91bc9a23a7e8;Sampled=1'))
sqs.send_message(QueueUrl=traced, MessageBody='test')
seen['trace'] = sqs.receive_message(QueueUrl=traced, MessageSystemAttributeNames=['AWSTraceHeader'])['Messages'][0]['Attributes']
print(json.dumps(seen))
`;

test("boto3: digests, long polls, error codes of both spellings, pages", { skip: noBoto3() }, async () => {
  const ran = await run(PYTHON_BOTO3 ?? "", ["-c", BOTO3], { env: clientEnv(server) });
  assert.equal(ran.code, 0, ran.stderr);
  assert.deepEqual(JSON.parse(ran.stdout), {
    binary: "00ff",
    again: "m",
    "missing queue": ["AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist", 400],
    "bad number": ["InvalidParameterValue", "InvalidParameterValueException", 400],
    "bad handle": ["ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid", 400],
    many: ["AWS.SimpleQueueService.TooManyEntriesInBatchRequest", "TooManyEntriesInBatchRequest", 400],
    exists: ["QueueAlreadyExists", "QueueNameExists", 400],
    attribute: ["InvalidAttributeName", "InvalidAttributeName", 400],
    "no such task": ["ResourceNotFoundException", "ResourceNotFoundException", 404],
    "no group": ["MissingParameter", "MissingRequiredParameterException", 400],
    "no id": ["InvalidParameterValue", "InvalidParameterValueException", 400],
    fifo: ["a", "b", "c"],
    late: "late",
    pages: 2,
    trace: { AWSTraceHeader: "Root=1-3152b799-8954dae64eda91bc9a23a7e8;Sampled=1" },
  });
});

/** Sends without an SDK, to the very address the user has for the queue. */
const SENDER = `import json, os, urllib.request
def handler(event, context):
    def call(operation, **body):
        request = urllib.request.Request(os.environ['AWS_ENDPOINT_URL'], method='POST', data=json.dumps(body).encode(),
            headers={'X-Amz-Target': 'AmazonSQS.' + operation, 'Content-Type': 'application/x-amz-json-1.0'})
        return json.loads(urllib.request.urlopen(request, timeout=10).read())
    call('SendMessage', QueueUrl=event['url'], MessageBody='from inside')
    return call('GetQueueUrl', QueueName=event['url'].split('/')[-1])
`;

test("a function sends to the queue by the address its user has", async () => {
  const QueueUrl = await queue("inside");
  const aws = clients(server);
  try {
    await aws.create("sender", { "app.py": SENDER });
    const answer = await aws.invoke("sender", { url: QueueUrl });
    assert.deepEqual(answer.payload, { QueueUrl }, answer.log);
    const { Messages } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 5 }));
    assert.equal(Messages?.[0]?.Body, "from inside");
  } finally {
    aws.destroy();
  }
});

test("counts are alive in what the SDK sees", async () => {
  const QueueUrl = await queue("counted", { DelaySeconds: "900" });
  await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: "later" }));
  await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: "now", DelaySeconds: 0 }));
  const { Attributes } = await sqs.send(
    new GetQueueAttributesCommand({
      QueueUrl,
      AttributeNames: ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesDelayed"],
    }),
  );
  assert.deepEqual(Attributes, { ApproximateNumberOfMessages: "1", ApproximateNumberOfMessagesDelayed: "1" });
});

function noBoto3(): string | false {
  return PYTHON_BOTO3 === undefined ? "no Python with boto3 (LAMBENT_TEST_PYTHON)" : false;
}

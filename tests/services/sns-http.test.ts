/** Web servers and mail boxes as subscribers: confirmation, signatures, retries, links without a key. */
import assert from "node:assert/strict";
import { createVerify, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { test, type TestContext } from "node:test";
import {
  ConfirmSubscriptionCommand,
  GetSubscriptionAttributesCommand,
  ListSubscriptionsByTopicCommand,
  SetSubscriptionAttributesCommand,
  SetTopicAttributesCommand,
  SubscribeCommand,
  UnsubscribeCommand,
} from "@aws-sdk/client-sns";
import { invalid, queueArn, REGION, refused, serveSns, webServer, type Served } from "./sns-harness.ts";

type Json = Record<string, string>;

async function subscribe(
  served: Served,
  TopicArn: string,
  Endpoint: string,
  Attributes = {},
): Promise<string> {
  const answer = await served.client.send(
    new SubscribeCommand({ TopicArn, Protocol: "http", Endpoint, Attributes, ReturnSubscriptionArn: true }),
  );
  return answer.SubscriptionArn ?? "";
}

/** As a reader of AWS's guide would write it. */
function isGenuine(message: Json, certificate: string): boolean {
  const names =
    message["Type"] === "Notification"
      ? ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"]
      : ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"];
  const algorithm = message["SignatureVersion"] === "2" ? "RSA-SHA256" : "RSA-SHA1";
  const verify = createVerify(algorithm);
  for (const name of names) {
    if (message[name] !== undefined) verify.update(`${name}\n${message[name]}\n`);
  }
  return verify.verify(new X509Certificate(certificate).publicKey, message["Signature"] ?? "", "base64");
}

async function certificateOf(served: Served, message: Json): Promise<string> {
  const url = message["SigningCertURL"] ?? "";
  assert.ok(url.startsWith(`${served.endpoint}/SimpleNotificationService-`), url);
  const pem = await served.sns.certificate(new URL(url).pathname);
  const certificate = new X509Certificate(pem ?? "");
  assert.ok(certificate.verify(certificate.publicKey));
  assert.ok(new Date(certificate.validTo).getTime() > served.clock.now());
  return pem ?? "";
}

test("a web server confirms by the link it is sent, and is told of the end", async (t) => {
  const served = await serveSns(t);
  const web = await webServer(t);
  const topic = await served.topic("t");
  const pending = await served.client.send(
    new SubscribeCommand({ TopicArn: topic, Protocol: "http", Endpoint: web.url }),
  );
  assert.equal(pending.SubscriptionArn, "pending confirmation");
  const { body, headers } = await web.request(0);
  const asked = JSON.parse(body) as Json;
  assert.deepEqual(Object.keys(asked), [
    "Type",
    "MessageId",
    "Token",
    "TopicArn",
    "Message",
    "SubscribeURL",
    "Timestamp",
    "SignatureVersion",
    "Signature",
    "SigningCertURL",
  ]);
  assert.equal(
    asked["Message"],
    `You have chosen to subscribe to the topic ${topic}.\nTo confirm the subscription, visit the SubscribeURL included in this message.`,
  );
  assert.match(asked["Token"] ?? "", /^[0-9a-f]{288}$/u);
  assert.equal(headers["x-amz-sns-message-type"], "SubscriptionConfirmation");
  assert.equal(headers["x-amz-sns-message-id"], asked["MessageId"]);
  assert.equal(headers["x-amz-sns-topic-arn"], topic);
  assert.equal(headers["content-type"], "text/plain; charset=UTF-8");
  assert.equal(headers["user-agent"], "Amazon Simple Notification Service Agent");
  assert.equal(headers["accept-encoding"], "gzip,deflate");
  assert.ok(isGenuine(asked, await certificateOf(served, asked)));

  await served.publish(topic, "before anybody confirmed");
  const link = asked["SubscribeURL"] ?? "";
  const visit = async (url: string): Promise<[number, string]> => {
    const answer = await fetch(url);
    return [answer.status, await answer.text()];
  };
  const refusal = async (url: string): Promise<string | undefined> =>
    /<Message>(.*)<\/Message>/u.exec((await visit(url))[1])?.[1];
  assert.equal(await refusal(link.replace(topic, "arn:aws:sns")), "Invalid parameter: Topic");
  assert.equal(await refusal(link.replace(REGION, "us-west-2")), "Invalid parameter: Topic");
  assert.equal(await refusal(link.slice(0, -3)), "Invalid parameter: Token");
  const [status, confirmed] = await visit(link.replace(":t&", ":other&"));
  assert.equal(status, 200);
  const arn =
    /<ConfirmSubscriptionResult>\s*<SubscriptionArn>(.*)<\/SubscriptionArn>/u.exec(confirmed)?.[1] ?? "";
  assert.ok(arn.startsWith(`${topic}:`), confirmed);
  assert.equal((await visit(link))[1].includes(arn), true);
  const shown = await served.client.send(new GetSubscriptionAttributesCommand({ SubscriptionArn: arn }));
  assert.equal(shown.Attributes?.["PendingConfirmation"], "false");
  assert.equal(shown.Attributes?.["ConfirmationWasAuthenticated"], "false");

  await served.publish(topic, "hello", { Subject: "About" });
  const notice = await web.request(1);
  const message = JSON.parse(notice.body) as Json;
  assert.equal(message["Message"], "hello");
  assert.equal(notice.headers["x-amz-sns-message-type"], "Notification");
  assert.equal(notice.headers["x-amz-sns-subscription-arn"], arn);
  assert.equal(notice.headers["x-amz-sns-rawdelivery"], undefined);
  assert.ok(isGenuine(message, await certificateOf(served, message)));
  assert.equal(isGenuine({ ...message, Message: "forged" }, await certificateOf(served, message)), false);

  const [gone] = await visit(message["UnsubscribeURL"] ?? "");
  assert.equal(gone, 200);
  const end = JSON.parse((await web.request(2)).body) as Json;
  assert.equal(end["Type"], "UnsubscribeConfirmation");
  assert.equal(
    end["Message"],
    `You have chosen to deactivate subscription ${arn}.\nTo cancel this operation and restore the subscription, visit the SubscribeURL included in this message.`,
  );
  assert.ok(isGenuine(end, await certificateOf(served, end)));
  const listed = async (): Promise<number | undefined> =>
    (await served.client.send(new ListSubscriptionsByTopicCommand({ TopicArn: topic }))).Subscriptions
      ?.length;
  assert.equal(await listed(), 0);
  await visit(end["SubscribeURL"] ?? "");
  assert.equal(await listed(), 1);
});

test("signature version 2 is SHA-256; raw messages have a header instead of an envelope", async (t) => {
  const served = await serveSns(t);
  const web = await webServer(t);
  const topic = await served.topic("t", { SignatureVersion: "2" });
  const arn = await subscribe(served, topic, web.url);
  const asked = JSON.parse((await web.request(0)).body) as Json;
  assert.equal(asked["SignatureVersion"], "2");
  assert.ok(isGenuine(asked, await certificateOf(served, asked)));
  const Token = asked["Token"] ?? "";
  await served.client.send(
    new ConfirmSubscriptionCommand({ TopicArn: topic, Token, AuthenticateOnUnsubscribe: "true" }),
  );
  await served.publish(topic, "signed");
  const message = JSON.parse((await web.request(1)).body) as Json;
  assert.ok(isGenuine(message, await certificateOf(served, message)));
  await served.client.send(
    new SetSubscriptionAttributesCommand({
      SubscriptionArn: arn,
      AttributeName: "RawMessageDelivery",
      AttributeValue: "true",
    }),
  );
  const policy = JSON.stringify({
    http: { defaultRequestPolicy: { headerContentType: "application/json" } },
  });
  await served.client.send(
    new SetTopicAttributesCommand({
      TopicArn: topic,
      AttributeName: "DeliveryPolicy",
      AttributeValue: policy,
    }),
  );
  await served.publish(topic, '{"raw":true}');
  const raw = await web.request(2);
  assert.equal(raw.body, '{"raw":true}');
  assert.equal(raw.headers["x-amz-sns-rawdelivery"], "true");
  assert.equal(raw.headers["content-type"], "application/json");

  // It was confirmed with a signature, which asked for one at the end, too.
  const link = await fetch(message["UnsubscribeURL"] ?? "");
  assert.equal(link.status, 403);
  assert.match(await link.text(), /<Code>AuthorizationError<\/Code>/u);
  await served.client.send(new UnsubscribeCommand({ SubscriptionArn: arn }));
  assert.equal((JSON.parse((await web.request(3)).body) as Json)["Type"], "UnsubscribeConfirmation");
});

/** Subscribes and confirms; the first request was the confirmation. */
async function confirmed(
  served: Served,
  topic: string,
  url: string,
  attributes: Record<string, string>,
  token: () => Promise<string>,
): Promise<void> {
  await subscribe(served, topic, url, attributes);
  const Token = await token();
  await served.client.send(new ConfirmSubscriptionCommand({ TopicArn: topic, Token }));
}

const tokenOf = async (request: Promise<{ body: string }>): Promise<string> =>
  (JSON.parse((await request).body) as Json)["Token"] ?? "";

test("a server's own fault is worth another attempt, after the policy's pauses", async (t) => {
  const served = await serveSns(t);
  const web = await webServer(t);
  const topic = await served.topic("t");
  const DeliveryPolicy = JSON.stringify({
    healthyRetryPolicy: { numRetries: 3, numNoDelayRetries: 1, minDelayTarget: 30, maxDelayTarget: 60 },
  });
  await confirmed(served, topic, web.url, { DeliveryPolicy }, () => tokenOf(web.request(0)));
  web.answer = (count) => ({ status: count < 5 ? 503 : 200 });
  await served.publish(topic, "again");
  await web.request(2);
  for (const [index, pause] of [
    [3, 30_000],
    [4, 60_000],
  ] as const) {
    await rescheduled(served, index - 1);
    assert.equal(web.requests.length, index);
    served.clock.advance(pause);
    await web.request(index);
  }
  await served.quiet();
  assert.equal(web.requests.length, 5);
  assert.equal(new Set(web.requests.slice(1).map(({ body }) => body)).size, 1);
});

/** Resolves when the failed attempt is written down and waits. */
async function rescheduled(served: Served, attempts: number): Promise<void> {
  for (;;) {
    const [row] = await served.database.read<{ attempts: number }>(
      "SELECT attempts FROM outbox WHERE node = ''",
    );
    if (Number(row?.attempts) === attempts) return;
    await served.clock.sleep(5);
  }
}

test("what the server refuses, redirects included, is not tried again and is a dead letter", async (t) => {
  const served = await serveSns(t);
  const topic = await served.topic("t");
  await served.queue("dead");
  const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: queueArn("dead") });
  const trap = await webServer(t);
  for (const answer of [{ status: 404 }, { status: 302, headers: { location: trap.url } }]) {
    const web = await webServer(t);
    await confirmed(served, topic, web.url, { RedrivePolicy }, () => tokenOf(web.request(0)));
    web.answer = () => answer;
  }
  await served.publish(topic, "refused");
  const letters = await served.receive("dead", 2);
  assert.deepEqual(
    letters.map(({ Body }) => (JSON.parse(Body ?? "") as Json)["Message"]),
    ["refused", "refused"],
  );
  assert.deepEqual(trap.requests, []);
  await served.quiet();
});

test("a mail asks for the confirmation, and brings the message", async (t) => {
  const served = await serveSns(t);
  const topic = await served.topic("t");
  for (const Protocol of ["email", "email-json"]) {
    await served.client.send(
      new SubscribeCommand({ TopicArn: topic, Protocol, Endpoint: `${Protocol}@b.c` }),
    );
    const [mail] = await served.sns.mails(1);
    assert.equal(mail?.to, `${Protocol}@b.c`);
    assert.equal(mail?.subject, "AWS Notification - Subscription Confirmation");
    const link = /http:\/\/[^\s"]*Action=ConfirmSubscription[^\s"]*/u.exec(mail?.body ?? "")?.[0] ?? "";
    assert.equal((await fetch(link)).status, 200, mail?.body);
  }
  const { MessageId } = await served.publish(topic, "hello", { Subject: "About" });
  const mails = await served.sns.mails(2);
  const plain = mails.find(({ protocol }) => protocol === "email");
  const json = mails.find(({ protocol }) => protocol === "email-json");
  assert.equal(plain?.subject, "About");
  assert.match(plain?.body ?? "", /^hello\n\n--\n.*Action=Unsubscribe/u);
  assert.equal((JSON.parse(json?.body ?? "") as Json)["MessageId"], MessageId);
});

test("another account's queue is asked first; a token is forgotten after two days", async (t) => {
  const served = await serveSns(t);
  const topic = await served.topic("t");
  const Endpoint = `arn:aws:sqs:${REGION}:999999999999:theirs`;
  const theirs = await served.client.send(
    new SubscribeCommand({ TopicArn: topic, Protocol: "sqs", Endpoint }),
  );
  assert.equal(theirs.SubscriptionArn, "pending confirmation");
  await served.client.send(new SubscribeCommand({ TopicArn: topic, Protocol: "email", Endpoint: "a@b.c" }));
  const [mail] = await served.sns.mails(1);
  const Token = /Token=([0-9a-f]+)/u.exec(mail?.body ?? "")?.[1] ?? "";
  served.clock.advance(2 * 24 * 3600 * 1000 + 1000);
  const late = served.client.send(new ConfirmSubscriptionCommand({ TopicArn: topic, Token }));
  assert.deepEqual(await refused(late), invalid("Token"));
  const list = await served.client.send(new ListSubscriptionsByTopicCommand({ TopicArn: topic }));
  assert.deepEqual(list.Subscriptions, []);
});

test("a server that never answers, or never ends its answer, is given fifteen seconds", async (t) => {
  const served = await serveSns(t);
  const topic = await served.topic("t");
  await served.queue("dead");
  const attributes = {
    RedrivePolicy: JSON.stringify({ deadLetterTargetArn: queueArn("dead") }),
    DeliveryPolicy: JSON.stringify({ healthyRetryPolicy: { numRetries: 0 } }),
  };
  const lazy = await lazyServer(t);
  const token = subscribe(served, topic, lazy.url, attributes).then(() => lazy.token);
  await served.client.send(new ConfirmSubscriptionCommand({ TopicArn: topic, Token: await token }));
  await served.publish(topic, "unheard");
  await lazy.asked.next();
  served.clock.advance(15_000);
  const [letter] = await served.receive("dead");
  assert.equal((JSON.parse(letter?.Body ?? "") as Json)["Message"], "unheard");
  assert.equal(served.ends.at(-1)?.failure?.code, "Timeout");
  lazy.begins = true;
  await served.publish(topic, "heard");
  const { value: socket } = (await lazy.asked.next()) as { value: Socket };
  await served.quiet();
  assert.equal(served.ends.at(-1)?.failure, undefined);
  const ended = socket.destroyed ? Promise.resolve([]) : once(socket, "close");
  served.clock.advance(15_000);
  await ended;
});

interface LazyServer {
  readonly url: string;
  readonly token: Promise<string>;
  /** The connection of each request after the first, which is answered. */
  readonly asked: AsyncIterator<Socket>;
  /** Whether an answer is begun, and not ended; or there is none at all. */
  begins: boolean;
}

async function lazyServer(t: TestContext): Promise<LazyServer> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const first = Promise.withResolvers<string>();
  const sockets = new PassThrough({ objectMode: true });
  let isFirst = true;
  server.on("request", (request, response) => {
    void text(request).then((body) => {
      if (isFirst) {
        isFirst = false;
        response.end();
        return first.resolve((JSON.parse(body) as Json)["Token"] ?? "");
      }
      if (lazy.begins) response.writeHead(200).write("more to come");
      sockets.write(request.socket);
    });
  });
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const lazy: LazyServer = {
    url: `http://127.0.0.1:${String(port)}/`,
    token: first.promise,
    asked: sockets[Symbol.asyncIterator]() as AsyncIterator<Socket>,
    begins: false,
  };
  return lazy;
}

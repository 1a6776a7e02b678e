/** Filter policies: what AWS refuses in which words, and what they let through. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SetSubscriptionAttributesCommand, SubscribeCommand } from "@aws-sdk/client-sns";
import { invalid, queueArn, refused, serveSns, type Served } from "./sns-harness.ts";

const at = (text: string, column: number): string =>
  `\n at [Source: (String)"${text}"; line: 1, column: ${String(column)}]`;

function subscribe(served: Served, TopicArn: string, FilterPolicy: string, more = {}): Promise<unknown> {
  return served.client.send(
    new SubscribeCommand({
      TopicArn,
      Protocol: "sqs",
      Endpoint: queueArn("q"),
      Attributes: { FilterPolicy, ...more },
    }),
  );
}

test("policies that Subscribe refuses", async (t) => {
  const served = await serveSns(t);
  const topic = await served.topic("t");
  const cases: [unknown, string, number?][] = [
    [{ key: [] }, "Empty arrays are not allowed", 10],
    [{ key: [{ suffix: 100 }] }, "suffix match pattern must be a string", 22],
    [{ key: [{ suffix: null }] }, "suffix match pattern must be a string", 23],
    [{ key: { suffix: "value" } }, '"suffix" must be an object or an array', 19],
    [{ key: [{ suffix: [] }] }, "suffix match pattern must be a string", 20],
    [{ key: { suffix: "value", prefix: "value" } }, '"suffix" must be an object or an array', 19],
    [{ key: { "not-an-operator": "value" } }, '"not-an-operator" must be an object or an array', 28],
    [{ key: [{ cidr: ["bad-filter"] }] }, "prefix match pattern must be a string", 18],
    [{ key: [{ cidr: "bad-filter" }] }, "Malformed CIDR, one '/' required"],
    [{ key: [{ cidr: "bad-filter/64" }] }, "Nonstandard IP address: bad-filter"],
    [{ key: [{ cidr: "bad-filter/bad-filter" }] }, "Malformed CIDR, mask bits must be an integer"],
    [{ key: [{ cidr: "xx.11.xx/8" }] }, "Nonstandard IP address: xx.11.xx"],
    [{ key: [{ exists: null }] }, "exists match pattern must be either true or false.", 23],
    [{ key: [{ exists: "no" }] }, "exists match pattern must be either true or false.", 20],
    [
      { key: [{ "anything-but": { "wrong-operator": null } }] },
      "Unsupported anything-but pattern: wrong-operator",
      47,
    ],
    [
      Object.fromEntries("abcdef".split("").map((key) => [key, ["v"]])),
      "Filter policy can not have more than 5 keys",
    ],
    [{ a: Array.from({ length: 151 }, (_, index) => index) }, "Filter policy is too complex"],
    [
      { a: Array.from({ length: 13 }, (_, i) => i), b: Array.from({ length: 12 }, (_, i) => i) },
      "Filter policy is too complex",
    ],
  ];
  for (const [policy, message, column] of cases) {
    const text = JSON.stringify(policy);
    const place = column === undefined ? "" : at(text, column);
    assert.deepEqual(
      await refused(subscribe(served, topic, text)),
      invalid(`Attributes Reason: FilterPolicy: ${message}${place}`),
    );
  }
  assert.deepEqual(
    await refused(subscribe(served, topic, "invalid")),
    invalid(
      "Attributes Reason: FilterPolicy: failed to parse JSON. Unrecognized token 'invalid': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')\n at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: 1, column: 8]",
    ),
  );
});

test("policies that SetSubscriptionAttributes refuses", async (t) => {
  const served = await serveSns(t);
  const topic = await served.topic("t");
  const arn = await served.subscribeQueue(topic, "q");
  const set = (AttributeName: string, AttributeValue: string): Promise<unknown> =>
    served.client.send(
      new SetSubscriptionAttributesCommand({ SubscriptionArn: arn, AttributeName, AttributeValue }),
    );
  const nested = JSON.stringify({ object: { key: [{ prefix: "auto-" }] } });
  assert.deepEqual(
    await refused(set("FilterPolicy", nested)),
    invalid("Filter policy scope MessageAttributes does not support nested filter policy"),
  );
  await set("FilterPolicyScope", "MessageBody");
  await set("FilterPolicy", nested);
  assert.equal((await refused(set("FilterPolicyScope", "MessageAttributes"))).code, "InvalidParameter");
  const values = (count: number): string[] =>
    Array.from({ length: count }, (_, index) => `v${String(index)}`);
  const tooMany = { a: { b: { c: values(4) } }, d: { e: values(3) }, f: values(3) };
  assert.deepEqual(
    await refused(set("FilterPolicy", JSON.stringify(tooMany))),
    invalid("FilterPolicy: Filter policy is too complex"),
  );
  const six = Object.fromEntries("abcdef".split("").map((key) => [key, ["v"]]));
  assert.deepEqual(
    await refused(set("FilterPolicy", JSON.stringify(six))),
    invalid("FilterPolicy: Filter policy can not have more than 5 keys"),
  );
  const flat = '{"key_a":"value_one"}';
  assert.deepEqual(
    await refused(set("FilterPolicy", flat)),
    invalid(`FilterPolicy: "key_a" must be an object or an array${at(flat, 11)}`),
  );
});

/** Which of the numbered messages come through. */
async function through(
  served: Served,
  filter: unknown,
  messages: readonly { readonly Message?: string; readonly MessageAttributes?: object }[],
  scope = "MessageAttributes",
): Promise<number[]> {
  const name = `n${String(served.clock.monotonic()).replace(".", "")}`;
  const topic = await served.topic(name);
  await served.queue(name);
  await served.subscribeQueue(topic, name, {
    FilterPolicy: JSON.stringify(filter),
    FilterPolicyScope: scope,
  });
  const ids: (string | undefined)[] = [];
  for (const { Message = "x", ...more } of messages)
    ids.push((await served.publish(topic, Message, more)).MessageId);
  await served.quiet();
  const last = await served.topic(`${name}end`);
  await served.subscribeQueue(last, name);
  const { MessageId } = await served.publish(last, "end");
  await served.quiet();
  const found: number[] = [];
  for (let isEnd = false; !isEnd;) {
    for (const { Body } of await served.receive(name)) {
      const body = JSON.parse(Body ?? "") as { MessageId: string };
      if (body.MessageId === MessageId) isEnd = true;
      else found.push(ids.indexOf(body.MessageId));
    }
  }
  return found.toSorted();
}

test("by attributes", async (t) => {
  const served = await serveSns(t);
  const text = (StringValue: string): object => ({
    MessageAttributes: { a: { DataType: "String", StringValue } },
  });
  const number = (StringValue: string): object => ({
    MessageAttributes: { a: { DataType: "Number", StringValue } },
  });
  const list = (StringValue: string): object => ({
    MessageAttributes: { a: { DataType: "String.Array", StringValue } },
  });
  const binary = { MessageAttributes: { a: { DataType: "Binary", BinaryValue: Buffer.from("x") } } };
  const cases: [unknown, object[], number[]][] = [
    [{ a: ["x"] }, [text("x"), text("y"), {}, list('["x","z"]'), list('["z"]'), number("1"), binary], [0, 3]],
    [
      { a: [{ numeric: [">", 0, "<=", 100] }] },
      [number("99.12"), number("0"), number("100"), text("50"), list("[7,500]")],
      [0, 2, 4],
    ],
    [
      { a: [1, true, null] },
      [number("1.0"), text("1"), list("[true]"), list("[null]"), list("[false]")],
      [0, 2, 3],
    ],
    [{ a: [{ "anything-but": ["x"] }] }, [text("x"), text("y"), {}, number("3")], [1, 3]],
    [{ a: [{ "anything-but": { prefix: "x" } }] }, [text("xy"), text("yx"), {}], [1]],
    [{ a: [{ exists: false }] }, [{}, text("x")], [0]],
    [{ a: [{ exists: true }] }, [{}, text("x"), list("[]")], [1]],
    [{ a: [{ prefix: "x" }, { suffix: "z" }] }, [text("xa"), text("az"), text("aa")], [0, 1]],
    [{ a: [{ "equals-ignore-case": "x" }] }, [text("X"), text("xx")], [0]],
    [{ a: [{ cidr: "10.0.0.0/24" }] }, [text("10.0.0.7"), text("10.0.1.7")], [0]],
    [
      { $or: [{ a: ["x"] }, { b: ["y"] }] },
      [text("x"), text("y"), { MessageAttributes: { b: { DataType: "String", StringValue: "y" } } }],
      [0, 2],
    ],
    [{ a: ["x"], b: ["y"] }, [text("x")], []],
  ];
  for (const [filter, messages, expected] of cases) {
    assert.deepEqual(await through(served, filter, messages), expected, JSON.stringify(filter));
  }
});

test("by the body", async (t) => {
  const served = await serveSns(t);
  const json = (value: unknown): object => ({ Message: JSON.stringify(value) });
  const cases: [unknown, object[], number[]][] = [
    [
      { a: ["x"] },
      [
        json({ a: "x" }),
        json({ a: "y" }),
        { Message: "no json" },
        json(["x"]),
        json({ a: ["y", "x"] }),
        json("x"),
      ],
      [0, 4],
    ],
    [
      { object: { nested: { test: ["v"] } } },
      [
        json({ object: { nested: { test: "v" } } }),
        json({ "object.nested.test": "v" }),
        json({ "object.nested": { test: "v" } }),
        json({ object: { "nested.test": "v" } }),
        json({ object: { nested: "v" } }),
      ],
      [0, 1, 2, 3],
    ],
    [{ "object.nested": ["v"] }, [json({ object: { nested: "v" } }), json({ "object.nested": "v" })], [0, 1]],
    [
      { detail: { eventVersion: [""], responseElements: [null] } },
      [
        json({ resources: [], detail: { eventVersion: "", responseElements: null } }),
        json({ detail: { eventVersion: "" } }),
      ],
      [0],
    ],
    [
      { l: { k: ["a"], v: ["b"] } },
      [json({ l: [{ k: "a", v: "b" }] }), json({ l: [{ k: "a" }, { v: "b" }] })],
      [0],
    ],
    [
      { a: [{ numeric: ["=", 5] }], b: [{ exists: false }] },
      [json({ a: 5 }), json({ a: 5, b: 1 }), json({ a: "5" })],
      [0],
    ],
    [
      { $or: [{ metricName: ["CPU"] }, { namespace: ["EC2"] }], detail: { scope: ["S"] } },
      [
        json({ metricName: "CPU", detail: { scope: "S" } }),
        json({ namespace: "EC2", detail: { scope: "S" } }),
        json({ namespace: "EC2" }),
      ],
      [0, 1],
    ],
  ];
  for (const [filter, messages, expected] of cases) {
    assert.deepEqual(
      await through(served, filter, messages, "MessageBody"),
      expected,
      JSON.stringify(filter),
    );
  }
});

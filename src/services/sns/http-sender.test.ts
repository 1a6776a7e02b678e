import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../../kernel/clock.ts";
import type { Delivery } from "../../ports/outbox.ts";
import { createHttpSender } from "./http-sender.ts";

const CLOSED = [
  "http://169.254.169.254/latest/meta-data",
  "http://2852039166/",
  "http://[::ffff:169.254.169.254]/",
  "http://[fe80::1]/",
  "https://[fd00:ec2::254]/",
];
for (const targetArn of CLOSED) {
  test(`${targetArn} is no web server`, async () => {
    const sender = createHttpSender(systemClock());
    const delivery = { targetArn, body: "{}", headers: {} } as unknown as Delivery;
    await assert.rejects(sender.send(delivery), { code: "EndpointForbidden", status: 403 });
    sender.close();
  });
}

const NOT_PUBLIC = [
  ["http://127.0.0.1:9/", ["127.0.0.1"]],
  ["http://2130706433:9/", ["127.0.0.1"]],
  ["http://10.255.255.1/", ["10.255.255.1"]],
  ["http://localhost:9/", ["localhost (127.0.0.1)", "localhost (::1)"]],
  ["http://[::1]:9/", ["::1"]],
] as const;
for (const [targetArn, shown] of NOT_PUBLIC) {
  test(`${targetArn} is closed to what a function subscribed`, async () => {
    const sender = createHttpSender(systemClock());
    const delivery = { targetArn, body: "{}", headers: {}, publicOnly: true } as unknown as Delivery;
    await assert.rejects(sender.send(delivery), (error: Error & { code: string; hint: string }) => {
      assert.equal(error.code, "EndpointForbidden");
      const why = " is not a public address, and a function made this subscription";
      assert.ok(
        shown.some((one) => error.message === one + why),
        error.message,
      );
      assert.match(error.hint, /^aws sns subscribe/u);
      return true;
    });
    sender.close();
  });
}

test("whoever subscribed from outside reaches this machine", async () => {
  const sender = createHttpSender(systemClock());
  // Nobody listens there: it was tried.
  const delivery = { targetArn: "http://127.0.0.1:9/", body: "{}", headers: {} } as unknown as Delivery;
  await assert.rejects(sender.send(delivery), { code: "EndpointUnreachable" });
  sender.close();
});

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

import assert from "node:assert/strict";
import { test } from "node:test";
import type { RequestRecord } from "../aws/gateway/gateway.ts";
import { fakeClock } from "../testing/fake-clock.ts";
import { RecentHints } from "./recent-hints.ts";

const record = (change: Partial<RequestRecord>): RequestRecord => ({
  service: "lambda",
  operation: "CreateFunction",
  status: 400,
  ms: 1,
  requestId: "r",
  accountId: "000000000000",
  region: "us-east-1",
  fromSandbox: false,
  ...change,
});

const texts = ({ hints }: ReturnType<RecentHints["all"]>): string[] => hints.map(({ text }) => text);

test("a caller gets the hints of its own calls, once; all of them stay to be read", () => {
  const clock = fakeClock();
  const recent = new RecentHints(clock);
  const of = (caller: string): string => `aws-cli/2.9.19 Python/3.11.2 exec-env/lambent-${caller} prompt/off`;
  recent.note(record({ userAgent: of("7") }));
  recent.note(record({ hint: "another's", userAgent: of("77") }));
  recent.note(record({ hint: "of boto3", userAgent: "Boto3/1.43" }));
  clock.advance(1_000);
  recent.note(record({ hint: "mine", errorCode: "ValidationException", userAgent: of("7") }));
  assert.deepEqual(texts(recent.take("7")), ["mine"]);
  assert.deepEqual(texts(recent.take("7")), []);
  assert.deepEqual(texts(recent.all()), ["another's", "of boto3", "mine"]);
  assert.deepEqual(recent.all().hints.at(-1), {
    ageMs: 0,
    operation: "CreateFunction",
    errorCode: "ValidationException",
    fromSandbox: false,
    text: "mine",
  });
  assert.equal(recent.all().hints[0]?.ageMs, 1_000);
});

test("only the last few are kept", () => {
  const recent = new RecentHints(fakeClock());
  for (let at = 0; at < 25; at += 1) recent.note(record({ hint: String(at) }));
  assert.deepEqual([texts(recent.all())[0], texts(recent.all()).length], ["5", 20]);
});

/** SQS against its model, on SQLite; on PostgreSQL it is in tests/contract. */
import { test } from "node:test";
import { runSeed } from "./sqs-model.ts";

for (const fifo of [false, true]) {
  test(`random operations on a ${fifo ? "FIFO" : "standard"} queue keep to the model`, async (t) => {
    for (let seed = 1; seed <= 10; seed += 1) await runSeed(t, fifo, seed);
  });
}

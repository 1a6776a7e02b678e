import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../../kernel/clock.ts";
import { keepSpares, sparesWanted } from "./spares.ts";

const GIB = 1024 ** 3;

test("as many spares as were wanted lately, within bounds", () => {
  const table: [least: number, lately: number, freeBytes: number, wanted: number][] = [
    [2, 0, 8 * GIB, 2],
    [2, 5, 8 * GIB, 5],
    [2, 500, 8 * GIB, 8],
    [2, 500, GIB, 4],
    [2, 500, GIB / 16, 2],
    [0, 500, 8 * GIB, 0],
  ];
  for (const [least, lately, freeBytes, wanted] of table) {
    assert.equal(sparesWanted(least, lately, freeBytes), wanted, `${least} ${lately} ${freeBytes}`);
  }
});

test("one is made at a time, and none while somebody waits", async () => {
  const pending: PromiseWithResolvers<number>[] = [];
  const make = (): Promise<number> => {
    const one = Promise.withResolvers<number>();
    pending.push(one);
    return one.promise;
  };
  const spares = keepSpares(make, 2, systemClock(), (error) => assert.fail(String(error)));
  spares.refill();
  spares.refill();
  assert.equal(pending.length, 1);
  const taken = spares.take();
  assert.equal(pending.length, 2, "the one who takes does not wait for the spare");
  pending[0]?.resolve(1);
  await Promise.resolve();
  assert.equal(pending.length, 2);
  pending[1]?.resolve(2);
  assert.equal(await taken, 2);
  assert.equal(await spares.take(), 1);
  assert.deepEqual(await spares.close(), []);
});

test("a spare that fails is told, and the next one who takes gets a new one", async () => {
  let calls = 0;
  const told: unknown[] = [];
  const make = async (): Promise<number> => {
    if (calls++ === 0) throw new Error("no room");
    return calls;
  };
  const spares = keepSpares(make, 1, systemClock(), (error) => told.push(error));
  spares.refill();
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(told.length, 1);
  assert.equal(await spares.take(), 2);
});

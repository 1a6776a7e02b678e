import assert from "node:assert/strict";
import { test } from "node:test";
import { Vigil } from "./vigil.ts";

const TURN_US = 10;
const WINDOW_US = 200;
/** Waits in vain before hardly any is left to try, and the tries that are left of a thousand. */
const TRIES_MAX = 20;

/** An event loop whose turns take TURN_US. */
function loop(): { vigil: Vigil; now: () => number; pass: (us: number) => number } {
  let nowUs = 0;
  let due: (() => void)[] = [];
  const now = (): number => nowUs / 1000;
  return {
    vigil: new Vigil({ monotonic: now }, (look) => void due.push(look)),
    now,
    /** Returns for how long of that time the loop was awake, in microseconds. */
    pass(us) {
      const endUs = nowUs + us;
      let awake = 0;
      while (due.length > 0 && nowUs < endUs) {
        const looks = due;
        due = [];
        nowUs += TURN_US;
        awake += TURN_US;
        for (const look of looks) look();
      }
      nowUs = endUs;
      return awake;
    },
  };
}

test("a lone caller of a quick function finds the loop awake from call to call", () => {
  const { vigil, now, pass } = loop();
  for (let call = 0; call < 100; call += 1) {
    vigil.began(now());
    assert.equal(pass(100), 100, "awake until the answer");
    vigil.ended();
    assert.equal(pass(50), 50, "awake until the next request");
  }
});

test("a slow function's answers are hardly waited for", () => {
  const { vigil, now, pass } = loop();
  let awake = 0;
  for (let call = 0; call < 1000; call += 1) {
    vigil.began(now());
    awake += pass(20_000);
    vigil.ended();
    assert.equal(pass(50), 50, "its caller asks again at once");
  }
  assert.ok(awake < 1000 * TURN_US + TRIES_MAX * WINDOW_US, `${String(awake)} us of 1000 calls`);
});

test("who comes now and then to a quick function has its answer waited for, and nothing else", () => {
  const { vigil, now, pass } = loop();
  let between = 0;
  for (let call = 0; call < 1000; call += 1) {
    vigil.began(now());
    assert.equal(pass(100), 100);
    vigil.ended();
    between += pass(1_000_000);
  }
  assert.ok(between < 1000 * TURN_US + TRIES_MAX * WINDOW_US, `${String(between)} us between 1000 calls`);
});

test("what was slow for a while and is quick again is waited for again", () => {
  const { vigil, now, pass } = loop();
  const call = (answerUs: number): number => {
    vigil.began(now());
    const awake = pass(answerUs);
    vigil.ended();
    pass(50);
    return awake;
  };
  for (let slow = 0; slow < 1000; slow += 1) call(20_000);
  let awake = 0;
  for (let quick = 0; quick < 2000; quick += 1) awake = call(100);
  assert.equal(awake, 100);
});

test("with several under way the loop sleeps when it likes", () => {
  const { vigil, now, pass } = loop();
  vigil.began(now());
  vigil.began(now());
  assert.ok(pass(1000) <= TURN_US);
  vigil.ended();
  assert.ok(pass(1000) <= TURN_US, "the other goes on");
  vigil.ended();
  assert.ok(pass(150) >= 100);
});

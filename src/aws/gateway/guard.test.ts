import assert from "node:assert/strict";
import { test } from "node:test";
import { createGuard } from "./guard.ts";

const EVERYWHERE = createGuard({ publicSuffix: undefined, allowedOrigins: [], anyHost: true });
const AT_HOME = createGuard({ publicSuffix: undefined, allowedOrigins: [] });

test("beyond loopback any name of the endpoint will do, and foreign pages still will not", () => {
  const cases: readonly (readonly [Record<string, string>, boolean])[] = [
    [{ host: "192.0.2.7:4566" }, true],
    [{ host: "lambent.internal:4566" }, true],
    [{}, false],
    [{ host: "lambent.internal:4566", origin: "http://lambent.internal:4566" }, true],
    [{ host: "lambent.internal:4566", origin: "http://evil.example" }, false],
    [{ host: "lambent.internal:4566", origin: "null" }, false],
    [{ host: "lambent.internal:4566", "sec-fetch-site": "cross-site" }, false],
  ];
  for (const [headers, passes] of cases) {
    assert.equal(EVERYWHERE.refusal(headers) === undefined, passes, JSON.stringify(headers));
  }
  assert.notEqual(AT_HOME.refusal({ host: "192.0.2.7:4566" }), undefined);
  assert.notEqual(AT_HOME.refusal({ host: "a.internal", origin: "http://a.internal" }), undefined);
});

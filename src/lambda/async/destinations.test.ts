import assert from "node:assert/strict";
import { test } from "node:test";
import { ServiceError } from "../../kernel/errors.ts";
import { systemRandom } from "../../kernel/random.ts";
import type { PeerCall } from "../../ports/peers.ts";
import { fakeClock } from "../../testing/fake-clock.ts";
import type { FunctionResolver } from "../control/types.ts";
import { createDestinations } from "./destinations.ts";

const ROLE = "arn:aws:iam::000000000000:role/r";
const OTHER = "arn:aws:lambda:us-east-1:111111111111:function:other:live";

test("whether a function may follow is asked of its own account, as the execution role", async () => {
  const asked: PeerCall[] = [];
  const destinations = createDestinations({
    resolver: {
      resolve: () => Promise.resolve({ version: { role: ROLE } }),
    } as unknown as FunctionResolver,
    clock: fakeClock(),
    random: systemRandom(),
    peers: {
      call: () => assert.fail("it is only asked"),
      async permit(call) {
        asked.push(call);
        throw new ServiceError("AccessDeniedException", 403, "no");
      },
    },
  });
  const scope = { accountId: "000000000000", region: "us-east-1" };
  const source = { scope, functionName: "f", qualifier: undefined };
  await assert.rejects(destinations.permit(OTHER, source), { code: "AccessDeniedException" });
  const [call] = asked;
  assert.deepEqual(
    [call?.service, call?.operation, call?.input["FunctionName"]],
    ["lambda", "Invoke", OTHER],
  );
  assert.equal(call?.scope.accountId, "111111111111");
  assert.deepEqual(call?.as, { kind: "role", arn: ROLE, sessionName: "f" });
});

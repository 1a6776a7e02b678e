import assert from "node:assert/strict";
import { test } from "node:test";
import * as sdk from "@aws-sdk/client-lambda";
import { RUNTIMES } from "../../src/adapters/runtimes/names.ts";
import { checkRuntime } from "../../src/lambda/control/runtimes.ts";
import { runtimeDescription, sessionNameOf } from "../../src/lambda/environment/launch.ts";
import { ROLE, SCOPE, zip } from "./lambda-fixture.ts";
import { lambdaOverHttp } from "./lambda-http.ts";

const create = async (over: object): Promise<sdk.CreateFunctionCommand> =>
  new sdk.CreateFunctionCommand({
    FunctionName: "f",
    Runtime: "python3.12",
    Handler: "index.handler",
    Role: ROLE,
    Code: { ZipFile: await zip() },
    ...over,
  });

test("a runtime that never was is refused by Lambda itself, on create and on update", async (t) => {
  const { client, api } = await lambdaOverHttp(t);
  await client.send(await create({}));
  await api.settled("f");
  for (const Runtime of ["non-existent-runtime", "PYTHON3.9"] as unknown as sdk.Runtime[]) {
    const commands = [
      await create({ FunctionName: "g", Runtime }),
      new sdk.UpdateFunctionConfigurationCommand({ FunctionName: "f", Runtime }),
    ];
    for (const command of commands) {
      await assert.rejects(client.send(command as sdk.CreateFunctionCommand), (error: unknown) => {
        assert.ok(error instanceof sdk.InvalidParameterValueException, String(error));
        const start = `Value ${Runtime} at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: [`;
        assert.ok(error.message.startsWith(start), error.message);
        assert.match(error.message, /\] or be a valid ARN$/);
        return true;
      });
    }
  }
});

test("an architecture that never was is the wire's business", async (t) => {
  const { client } = await lambdaOverHttp(t);
  const Architectures = ["X86_64"] as unknown as sdk.Architecture[];
  await assert.rejects(client.send(await create({ Architectures })), {
    name: "ValidationException",
    message:
      "1 validation error detected: Value '[X86_64]' at 'architectures' failed to satisfy constraint: Member must satisfy constraint: [Member must satisfy enum value set: [x86_64, arm64], Member must not be null]",
  });
});

for (const Runtime of ["python3.8", "python3.9", "nodejs16.x", "nodejs18.x"] as const) {
  test(`${Runtime} is taken, and a wrong revision is told before anything about it`, async (t) => {
    const { client, api } = await lambdaOverHttp(t);
    const made = await client.send(await create({ Runtime }));
    assert.equal(made.Runtime, Runtime);
    await api.settled("f");
    const stale = { FunctionName: "f", Runtime, RevisionId: "wrong" };
    await assert.rejects(client.send(new sdk.UpdateFunctionConfigurationCommand(stale)), {
      name: "PreconditionFailedException",
      message:
        "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id",
    });
  });
}

test("the role session is named after the function, lengthened where STS would refuse it", () => {
  assert.equal(sessionNameOf("zz"), "zz");
  assert.equal(sessionNameOf("z"), "z@lambda_function");
});

test("INIT_START names the runtime version that the configuration shows", async (t) => {
  const { client, api } = await lambdaOverHttp(t);
  const made = await client.send(await create({}));
  const resolved = await api.control.resolver.resolve(SCOPE, "f", undefined, 0);
  const [name, arn] = runtimeDescription(resolved.version);
  assert.equal(name, "python:3.12.v1");
  assert.equal(arn, made.RuntimeVersionConfig?.RuntimeVersionArn);
  assert.match(arn, /^arn:aws:lambda:us-east-1::runtime:[0-9a-f]{64}$/);
});

test("functions can be made for the runtimes that can be launched, and for no other", () => {
  const isTaken = (runtime: string): boolean => {
    try {
      checkRuntime(runtime);
      return true;
    } catch {
      return false;
    }
  };
  const known = new Set([...Object.values(sdk.Runtime), ...RUNTIMES]);
  assert.deepEqual([...known].filter(isTaken).toSorted(), RUNTIMES.toSorted());
});

/** The access tables of all services, as far as a machine can check them. */
import assert from "node:assert/strict";
import { glob } from "node:fs/promises";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { loadModel } from "../../src/aws/model/model.ts";
import type { AccessRule, ServiceAccess } from "../../src/aws/service.ts";

const SCOPE = { accountId: "123456789012", region: "eu-west-1" };
const ARN = /^(\*|arn:aws[a-z-]*:[a-z0-9-]+:[a-z0-9-]*:(\d{12}|aws)?:.*)$/;

/** Tables are made of what a service holds; none of it is asked for here. */
async function tables(): Promise<(readonly [string, ServiceAccess])[]> {
  const found: (readonly [string, ServiceAccess])[] = [];
  for await (const file of glob("src/services/*/access.ts")) {
    const module = (await import(pathToFileURL(resolve(file)).href)) as Record<string, unknown>;
    const made = Object.entries(module).find(([name]) => /access$/i.test(name))?.[1];
    assert.ok(made !== undefined, `${file} exports no access table`);
    const nothing = new Proxy(() => undefined, { get: () => () => undefined });
    const table = typeof made === "function" ? (made as (deps: unknown) => ServiceAccess)(nothing) : made;
    found.push([join(file, "..").split("/").at(-1) ?? "", table as ServiceAccess]);
  }
  return found;
}

function needs(
  rule: AccessRule,
  input: object,
): { actions: readonly string[]; resources: readonly string[] }[] {
  const given = input as Readonly<Record<string, unknown>>;
  const own = { actions: rule.actions?.(given) ?? [], resources: rule.resources(given, SCOPE) };
  rule.conditions?.(given, SCOPE);
  rule.assumes?.(given);
  return [own, ...(rule.also?.(given, SCOPE) ?? [])];
}

test("every rule is for an operation that exists, and names actions and ARNs", async () => {
  const all = await tables();
  assert.ok(all.length >= 4);
  for (const [name, table] of all) {
    const { operations } = await loadModel(name);
    for (const [operation, rule] of Object.entries(table.rules)) {
      assert.ok(operations.has(operation), `${name} has no operation ${operation}`);
      for (const { actions, resources } of needs(rule, {})) {
        for (const action of actions)
          assert.match(action, /^[a-z0-9-]+:[A-Za-z0-9]+$/, `${name}:${operation}`);
        for (const resource of resources) assert.match(resource, ARN, `${name}:${operation}`);
      }
    }
  }
});

test("rules read what has not been validated", async () => {
  const odd: readonly object[] = [
    Object.fromEntries(
      ["FunctionName", "RoleName", "Name", "QueueUrl", "TopicArn", "Bucket", "Key"].map((key) => [key, ""]),
    ),
    Object.fromEntries(
      ["FunctionName", "RoleName", "RoleArn", "QueueUrl", "TopicArn", "Bucket"].map((key) => [
        key,
        "a:b/c d*",
      ]),
    ),
  ];
  for (const [name, table] of await tables()) {
    for (const [operation, rule] of Object.entries(table.rules)) {
      for (const input of odd) {
        for (const { resources } of needs(rule, input)) {
          for (const resource of resources) assert.equal(typeof resource, "string", `${name}:${operation}`);
        }
      }
    }
  }
});

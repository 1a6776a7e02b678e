/** S3 as boto3 uses it: each script asserts for itself and ends with `ok`. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { PYTHON_BOTO3, run } from "../e2e/server.ts";
import { openPostgres } from "../../src/adapters/cluster/postgres-database.ts";
import type { Database } from "../../src/ports/database.ts";
import { migrations } from "../../src/services/s3/index.ts";
import { startPostgres } from "../contract/postgres-server.ts";
import { serveS3 } from "./s3-fixture.ts";

const missing = PYTHON_BOTO3 === undefined ? "no Python with boto3 (set LAMBENT_TEST_PYTHON)" : false;

async function runs(t: TestContext, script: string, database?: Database): Promise<void> {
  const probe = await run(PYTHON_BOTO3 ?? "", ["-c", "import boto3"]);
  if (probe.code !== 0) return t.skip("this Python has no boto3 (set LAMBENT_TEST_PYTHON)");
  const { endpoint } = await serveS3(t, database === undefined ? {} : { database });
  const path = join(import.meta.dirname, "python", script);
  const { code, stdout, stderr } = await run(PYTHON_BOTO3 ?? "", [path, endpoint], { timeoutMs: 60_000 });
  assert.equal(stderr, "");
  assert.equal(stdout.trim(), "ok");
  assert.equal(code, 0);
}

test("presigned links of both versions", { skip: missing }, (t) => runs(t, "s3_presigned.py"));

test("answers and refusals, field by field", { skip: missing }, (t) => runs(t, "s3_parity.py"));

test("customers' keys, websites, logging and replication", { skip: missing }, (t) =>
  runs(t, "s3_features.py"),
);

test("forms of browsers", { skip: missing }, (t) => runs(t, "s3_post.py"));

test("Object Lock", { skip: missing }, (t) => runs(t, "s3_lock.py"));

test("the same on PostgreSQL", { skip: missing }, async (t) => {
  const postgres = await startPostgres();
  if (postgres === undefined) return t.skip("no initdb and postgres on this machine");
  t.after(() => postgres.stop());
  const { socket: host, username } = postgres;
  const database = await openPostgres({
    host,
    port: 5432,
    database: "postgres",
    username,
    migrations,
    now: 0,
  });
  await runs(t, "s3_parity.py", database);
});

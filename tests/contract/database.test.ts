/** One suite for every engine behind the Database port. */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { openPostgres } from "../../src/adapters/cluster/postgres-database.ts";
import { openDatabase } from "../../src/adapters/embedded/index.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { silentLogger } from "../../src/kernel/log.ts";
import { Conflict, StorageUnavailable, type Database, type Migration } from "../../src/ports/database.ts";
import { startPostgres, type PostgresServer } from "./postgres-server.ts";

const first: Migration = {
  id: "test/0001",
  sql: ["CREATE TABLE item (id TEXT NOT NULL PRIMARY KEY, n BIGINT NOT NULL, body BYTEA, note TEXT)"],
};
const second: Migration = { id: "test/0002", sql: ["ALTER TABLE item ADD COLUMN added BIGINT"] };
const clock = systemClock();
const folder = mkdtempSync(join(tmpdir(), "lambent-db-"));
const postgres: PostgresServer | undefined = await startPostgres();
after(async () => {
  await postgres?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const openSqlite = (name: string, migrations: readonly Migration[]): Promise<Database> =>
  openDatabase({ path: join(folder, name), synchronous: "full", migrations, log: silentLogger, clock });
const openPg = (migrations: readonly Migration[]): Promise<Database> =>
  openPostgres({
    host: postgres?.socket ?? "",
    port: 5432,
    database: "postgres",
    username: "lambent",
    migrations,
    now: clock.now(),
  });

suite("sqlite", false, (migrations) => openSqlite("state.db", migrations));
suite("postgres", postgres === undefined ? "no initdb and postgres on this machine" : false, openPg);

function suite(
  engine: string,
  skip: string | false,
  open: (migrations: readonly Migration[]) => Promise<Database>,
): void {
  describe(engine, { skip }, () => {
    let db: Database;
    before(async () => {
      db = await open([first]);
    });
    after(async () => {
      await db.close();
    });
    const insert = (id: string, n: number, note: string | null = null, body: Uint8Array | null = null) =>
      ({
        sql: "INSERT INTO item (id, n, note, body) VALUES (?, ?, ?, ?)",
        params: [id, n, note, body],
      }) as const;
    const count = async (like: string): Promise<number> => {
      const [row] = await db.read<{ c: number }>("SELECT count(*) AS c FROM item WHERE id LIKE ?", [like]);
      return row?.c ?? -1;
    };

    test("a unit that misses its expectation leaves nothing behind and says which statement", async () => {
      await assert.rejects(
        db.commit([
          insert("atomic-1", 1),
          { sql: "UPDATE item SET n = 2 WHERE id = ?", params: ["not there"], expect: 1 },
        ]),
        (error: unknown) => error instanceof Conflict && error.index === 1,
      );
      assert.equal(await count("atomic-%"), 0);
    });

    test("a key that exists is a conflict, and its unit leaves nothing behind", async () => {
      await db.commit([insert("dup", 1)]);
      await assert.rejects(
        db.commit([insert("dup-2", 1), insert("dup", 2)]),
        (error: unknown) => error instanceof Conflict && error.index === 1,
      );
      assert.equal(await count("dup%"), 1);
    });

    test("wrong SQL is a fault, neither conflict nor storage, and harms no other unit", async () => {
      const bad = assert.rejects(
        db.commit([insert("bad-1", 1), { sql: "UPDATE nothing_here SET n = 1", params: [] }]),
        (error: unknown) => !(error instanceof Conflict) && !(error instanceof StorageUnavailable),
      );
      await Promise.all([bad, db.commit([insert("good-1", 1)])]);
      assert.deepEqual([await count("bad-%"), await count("good-%")], [0, 1]);
    });

    test("RETURNING and SELECT rows come back, statement by statement", async () => {
      const rows = await db.commit([
        { sql: "INSERT INTO item (id, n) VALUES (?, ?) RETURNING id, n", params: ["ret", 7], expect: 1 },
        { sql: "UPDATE item SET note = 'returning nothing' WHERE id = ?", params: ["ret"], expect: 1 },
        { sql: "SELECT note FROM item WHERE id = ?", params: ["ret"], expect: 1 },
      ]);
      assert.deepEqual(
        rows.map((list) => list.map((row) => ({ ...row }))),
        [[{ id: "ret", n: 7 }], [], [{ note: "returning nothing" }]],
      );
    });

    test("a read after a commit sees it; units take effect in the order of their calls", async () => {
      await db.commit([insert("order", 0)]);
      const steps = Array.from({ length: 100 }, (_, n) =>
        db.commit([
          { sql: "UPDATE item SET n = ? WHERE id = ? AND n = ?", params: [n + 1, "order", n], expect: 1 },
        ]),
      );
      await Promise.all(steps);
      const [row] = await db.read<{ n: number }>("SELECT n FROM item WHERE id = ?", ["order"]);
      assert.equal(row?.n, 100);
    });

    test("of a thousand units at once exactly one wins each key, the others are told", async () => {
      const settled = await Promise.allSettled(
        Array.from({ length: 1000 }, (_, i) => db.commit([insert(`race-${String(i % 250)}`, i)])),
      );
      const lost = settled.filter((each) => each.status === "rejected");
      assert.equal(lost.length, 750);
      assert.ok(lost.every((each) => each.reason instanceof Conflict));
      assert.equal(await count("race-%"), 250);
    });

    test("bytes, text and large values come back as they went in", async () => {
      const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
      const large = new Uint8Array(4_000_000).fill(7);
      const view = Buffer.concat([Buffer.from("xx"), bytes, Buffer.from("yy")]).subarray(2, 258);
      const note = "é 日本語 🚀 ' \" ? $1 \\ \n\t";
      await db.commit([insert("v1", 9_007_199_254_740_991, note, bytes), insert("v2", -1, "", large)]);
      await db.commit([insert("v3", 0, null, view)]);
      const rows = await db.read<{ n: number; note: string | null; body: Uint8Array }>(
        "SELECT n, note, body FROM item WHERE id IN ('v1', 'v2', 'v3') ORDER BY id",
      );
      assert.deepEqual(
        rows.map(({ n, note: text }) => [n, text]),
        [
          [9_007_199_254_740_991, note],
          [-1, ""],
          [0, null],
        ],
      );
      assert.deepEqual(new Uint8Array(rows[0]?.body ?? []), bytes);
      assert.deepEqual(new Uint8Array(rows[1]?.body ?? []), large);
      assert.deepEqual(new Uint8Array(rows[2]?.body ?? []), bytes);
    });

    test("opened again it holds everything, runs what is new once, and refuses the future", async () => {
      await db.commit([insert("kept", 1)]);
      await db.close();
      db = await open([first, second]);
      assert.equal(await count("kept"), 1);
      assert.deepEqual(
        { ...(await db.read("SELECT added FROM item WHERE id = 'kept'"))[0] },
        { added: null },
      );
      await db.close();
      await assert.rejects(open([first]), /newer Lambent.*test\/0002/);
      db = await open([first, second]);
    });

    test("once closed it refuses work as unavailable", async () => {
      await db.close();
      await assert.rejects(db.commit([insert("late", 1)]), StorageUnavailable);
      db = await open([first, second]);
      assert.equal(await count("late"), 0);
    });
  });
}

describe("sqlite alone", () => {
  test("before a schema changes, the file is copied with what it holds", async () => {
    const db = await openSqlite("old.db", [first]);
    await db.commit([{ sql: "INSERT INTO item (id, n) VALUES ('before', 1)", params: [] }]);
    await db.close();
    await (await openSqlite("old.db", [first, second])).close();
    const copies = readdirSync(folder).filter((name) => name.startsWith("old.db.before-"));
    assert.deepEqual(copies, ["old.db.before-test-0002"]);
    const copy = await openSqlite("old.db.before-test-0002", [first]);
    assert.equal((await copy.read("SELECT id FROM item WHERE id = 'before'")).length, 1);
    await copy.close();
  });

  test("a first start makes no copy, and nobody else can read the file", async () => {
    await (await openSqlite("new.db", [first, second])).close();
    assert.deepEqual(
      readdirSync(folder).filter((name) => name.startsWith("new.db")),
      ["new.db"],
    );
    assert.equal(statSync(join(folder, "new.db")).mode & 0o777, 0o600);
  });

  test("files open and close at run time, many in turn, and what was queued is kept", async () => {
    for (let i = 0; i < 10; i += 1) {
      const db = await openSqlite(`day-${String(i)}.db`, [first]);
      const queued = db.commit([{ sql: "INSERT INTO item (id, n) VALUES ('x', 1)", params: [] }]);
      await db.close();
      await queued;
    }
    const again = await openSqlite("day-9.db", [first]);
    assert.equal((await again.read("SELECT id FROM item")).length, 1);
    await again.close();
  });

  test("who closes while commits are under way is told of each, and of no failure", async () => {
    const errors: string[] = [];
    const log = { ...silentLogger, error: (_fields: object, message: string) => void errors.push(message) };
    const statement = { sql: "INSERT INTO item (id, n) VALUES (?, 1)" };
    for (let round = 0; round < 20; round += 1) {
      const path = join(folder, `closing-${String(round)}.db`);
      const db = await openDatabase({ path, synchronous: "normal", migrations: [first], log, clock });
      const commits = ["a", "b", "c"].map((id) => db.commit([{ ...statement, params: [id] }]));
      const closing = db.close();
      await Promise.all(commits);
      await closing;
    }
    assert.deepEqual(errors, []);
  });

  test("a folder that is not there is an error that names the path", async () => {
    await assert.rejects(openSqlite("missing/state.db", [first]), /cannot open .*missing\/state\.db/);
  });
});

/** Runs as a child process of durability.test.ts: `flood <db>`, `one <db>`, `later <db>` or `blob <folder>`. */
import { writeSync } from "node:fs";
import { createBlobStore, openDatabase } from "../../src/adapters/embedded/index.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { silentLogger } from "../../src/kernel/log.ts";

const [, , kind, target = ""] = process.argv;
/** Synchronous, so that what was said was acknowledged; again while the reader is behind. */
function say(text: string): void {
  for (;;) {
    try {
      return void writeSync(1, `${text}\n`);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
    }
  }
}

if (kind === "blob") {
  const store = await createBlobStore({ folder: target });
  say("ASKED");
  await store.put(Buffer.from("a function's code"));
  say("ANSWERED");
} else {
  const db = await openDatabase({
    path: target,
    synchronous: "full",
    migrations: [
      { id: "test/0001", sql: ["CREATE TABLE item (id BIGINT NOT NULL PRIMARY KEY, body TEXT NOT NULL)"] },
    ],
    log: silentLogger,
    clock: systemClock(),
  });
  const insert = (id: number, options = {}): Promise<unknown> =>
    db.commit([{ sql: "INSERT INTO item (id, body) VALUES (?, ?)", params: [id, "x".repeat(200)] }], options);
  if (kind === "later") {
    await insert(1);
    say("ASKED");
    await insert(2, { synced: false });
    say("ANSWERED");
    await insert(3);
    await db.close();
  } else if (kind === "one") {
    say("ASKED");
    await insert(1);
    say("ANSWERED");
    await db.close();
  } else {
    // The parent kills this process long before the end.
    const chain = async (start: number): Promise<void> => {
      for (let id = start; id < 200_000; id += 32) {
        await insert(id);
        say(String(id));
      }
    };
    await Promise.all(Array.from({ length: 32 }, (_, start) => chain(start)));
  }
}

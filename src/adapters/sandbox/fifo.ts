import { execFile } from "node:child_process";
import { closeSync, constants, openSync } from "node:fs";
import { chown, unlink } from "node:fs/promises";
import { Socket } from "node:net";
import { promisify } from "node:util";

const run = promisify(execFile);

/** A real pipe: Node's own are sockets, which programs cannot open by name (`> /dev/stdout`). */
export interface Fifo {
  readonly reader: Socket;
  /** For the child; closed by `release`. */
  readonly writer: number;
  /** Closes the writer here, so that the reader ends with the last process that has it. */
  release(): void;
}

/** Makes pipes that `user` may reopen; their names are gone again. Errors: where there are none. */
export async function makeFifos(
  names: readonly string[],
  user: number | undefined,
): Promise<readonly Fifo[]> {
  await run("mkfifo", ["-m", "600", ...names]);
  const made: Fifo[] = [];
  for (const name of names) {
    if (user !== undefined) await chown(name, user, user);
    // Reading first: opening for writing waits until somebody reads. Plain descriptors, because a
    // FileHandle closes its own when it is collected.
    const reader = openSync(name, constants.O_RDONLY | constants.O_NONBLOCK);
    const writer = openSync(name, constants.O_WRONLY);
    await unlink(name);
    made.push({
      reader: new Socket({ fd: reader, readable: true, writable: false }),
      writer,
      release: () => closeSync(writer),
    });
  }
  return made;
}

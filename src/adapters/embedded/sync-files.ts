/** The few file operations that must survive power loss. */
import { open, rename } from "node:fs/promises";
import { dirname } from "node:path";

/** A folder's own entry list: a rename is durable only once it is synced. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Writes beside, syncs, renames over, syncs the folder: afterwards the file is whole or was never there. */
export async function writeDurably(path: string, body: Uint8Array | string, mode: number): Promise<void> {
  const beside = `${path}.partial`;
  const handle = await open(beside, "w", mode);
  try {
    await handle.writeFile(body);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(beside, path);
  await syncFolder(dirname(path));
}

import { randomUUID } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { BlobStore } from "../../ports/blob-store.ts";
import type { CodeCache } from "../../ports/code-cache.ts";
import { unpackZip } from "./archive.ts";

/**
 * `<folder>/<sha256>/` holds an unpacked archive, complete as soon as it has its name: it is unpacked beside
 * and renamed. Nothing is synced, since it can be made again: after another boot of the machine the whole
 * cache is dropped, because a power loss may have left files empty.
 */
export async function createCodeCache(options: {
  readonly blobs: BlobStore;
  readonly folder: string;
}): Promise<CodeCache> {
  const { blobs, folder } = options;
  const boot = bootId();
  const marker = join(folder, "boot");
  if ((await readFile(marker, "utf8").catch(() => "")) !== boot)
    await rm(folder, { recursive: true, force: true });
  const incoming = join(folder, "incoming");
  await rm(incoming, { recursive: true, force: true });
  await mkdir(incoming, { recursive: true, mode: 0o755 });
  await writeFile(marker, boot);
  const working = new Map<string, Promise<string>>();

  async function unpack(sha256: string, target: string): Promise<string> {
    const archive = await blobs.get(sha256);
    if (archive === undefined) throw new Error(`the code archive ${sha256} is not in the blob store`);
    const temporary = join(incoming, randomUUID());
    try {
      await mkdir(temporary, { mode: 0o755 });
      await unpackZip(archive, temporary);
      await rename(temporary, target);
    } catch (error) {
      await rm(temporary, { recursive: true, force: true });
      throw error;
    }
    return target;
  }

  return {
    prepare(sha256) {
      const target = join(folder, sha256);
      if (existsSync(target)) return Promise.resolve(target);
      let work = working.get(sha256);
      if (work === undefined) {
        work = unpack(sha256, target).finally(() => working.delete(sha256));
        working.set(sha256, work);
      }
      return work;
    },
    async evict(sha256) {
      await working.get(sha256)?.catch(() => undefined);
      await rm(join(folder, sha256), { recursive: true, force: true });
    },
  };
}

/** Changes with every boot of the machine; constant where the system does not tell. */
function bootId(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return "unknown";
  }
}

export { inspectZip } from "./archive.ts";
export { createBlobStore } from "./blob-store.ts";
export { createCodeCache } from "./code-cache.ts";
export { createHasher } from "./hasher.ts";
export { openDataDir, type DataDir } from "./data-dir.ts";
export { openDatabase } from "./database.ts";
export { openSecrets } from "./secrets.ts";
export { writeDurably } from "./sync-files.ts";
export { createWakeup } from "./wakeup.ts";

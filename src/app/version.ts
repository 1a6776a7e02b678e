import { readFileSync } from "node:fs";

/** Of package.json: two folders up from src/app and from dist/app alike. */
export const VERSION: string = (
  JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as { version: string }
).version;

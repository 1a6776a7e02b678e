/**
 * Modules of Node that are taken without `import`, because importing them costs a start too much. An import
 * reads every export, and one of node:http's is WebSocket, whose reading loads all of undici: 14 MB and
 * 50 ms of CPU. What only some servers ever need is a function, and loaded by its first call. Their types
 * are imported as types.
 */
import process from "node:process";

export const http: typeof import("node:http") = process.getBuiltinModule("node:http");

export function https(): typeof import("node:https") {
  return process.getBuiltinModule("node:https");
}

export function http2(): typeof import("node:http2") {
  return process.getBuiltinModule("node:http2");
}

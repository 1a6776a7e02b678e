"use strict";
/** Finds and loads the handler `folder/file.name.name`, as CommonJS or as an ES module. */
const fs = require("node:fs");
const path = require("node:path");
const Module = require("node:module");
const { RuntimeError, wrap } = require("./errors.cjs");

const STREAMING = Symbol.for("aws.lambda.runtime.handler.streaming");
const HIGH_WATER_MARK = Symbol.for("aws.lambda.runtime.handler.streaming.highWaterMark");
const CALLBACK_REMOVED =
  "ERROR: AWS Lambda has removed support for callback-based function handlers starting with Node.js 24. You need to modify this function to use a supported handler signature to use Node.js 24 or later. For more information see https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html.";

/** Search paths and the `awslambda` global. */
function prepare(runtime, message) {
  if (process.env.NODE_PATH === undefined) {
    const layers = `${message.optRoot}/nodejs`;
    process.env.NODE_PATH = [
      `${layers}/node${runtime.major}/node_modules`,
      `${layers}/node_modules`,
      ...(runtime.sdkFolder === undefined ? [] : [`${runtime.sdkFolder}/node_modules`]),
      message.taskRoot,
    ].join(":");
  }
  Module["_initPaths"]();
  if (runtime.sdkFolder !== undefined) {
    const sdk = `${runtime.sdkFolder}/node_modules`;
    if (!Module.globalPaths.includes(sdk)) Module.globalPaths.push(sdk);
  }
  const off = process.env.AWS_LAMBDA_NODEJS_NO_GLOBAL_AWSLAMBDA;
  if (off === "1" || off === "true") return;
  globalThis.awslambda = {
    streamifyResponse(handler, options) {
      handler[STREAMING] = "response";
      if (typeof options?.highWaterMark === "number") {
        handler[HIGH_WATER_MARK] = Math.trunc(options.highWaterMark);
      }
      return handler;
    },
    get HttpResponseStream() {
      return require("./stream.cjs").HttpResponseStream;
    },
  };
}

/** Resolves with {handler, streaming}; rejects with the error that Init reports. */
async function load(runtime, message) {
  const { taskRoot, handler: name } = message;
  if (name.includes("..")) {
    throw new RuntimeError(
      "MalformedHandlerName",
      `'${name}' is not a valid handler name. Use absolute paths when specifying root directories in handler names.`,
    );
  }
  const base = path.basename(name);
  const folder = name.slice(0, name.indexOf(base));
  const match = /^([^.]*)\.(.*)$/.exec(base);
  if (match === null) throw new RuntimeError("MalformedHandlerName", "Bad handler");
  const [, file, property] = match;

  let loaded;
  try {
    loaded = await loadModule(taskRoot, folder, file);
  } catch (error) {
    if (error instanceof SyntaxError) throw wrap("UserCodeSyntaxError", error);
    if (error?.code === "MODULE_NOT_FOUND") throw wrap("ImportModuleError", error);
    throw error;
  }
  const handler = find(loaded, property) ?? find(loaded?.default, property);
  if (!handler) throw new RuntimeError("HandlerNotFound", `${name} is undefined or not exported`);
  if (typeof handler !== "function") {
    throw new RuntimeError("HandlerNotFound", `${name} is not a function`);
  }
  const mark = handler[STREAMING];
  if (mark !== undefined && mark !== null && mark !== false && mark !== "response") {
    throw new RuntimeError("MalformedStreamingHandler", "Only response streaming is supported.");
  }
  const streaming = mark === "response";
  if (runtime.major >= 24 && handler.length >= 3 && !streaming) {
    throw new RuntimeError("CallbackHandlerDeprecated", CALLBACK_REMOVED);
  }
  return { handler, streaming };
}

function find(from, property) {
  let value = from;
  for (const key of property.split(".")) value = value?.[key];
  return value;
}

/** In the order Lambda tries: no extension, .js (by package.json's type), .mjs, .cjs, then by name. */
async function loadModule(taskRoot, folder, file) {
  // Lambda's own file: it is what `Require stack` in an error message ends with.
  const load = Module.createRequire("/var/runtime/index.mjs");
  const whole = path.resolve(taskRoot, folder, file);
  if (isFile(whole)) return load(whole);
  if (isFile(`${whole}.js`)) {
    if (isModuleFolder(path.dirname(whole))) return importFile(`${whole}.js`);
    try {
      return load(`${whole}.js`);
    } catch (error) {
      // ES module syntax with a top-level await, in a file that nothing declares a module.
      if (error?.code === "ERR_REQUIRE_ASYNC_MODULE") return importFile(`${whole}.js`);
      throw error;
    }
  }
  if (isFile(`${whole}.mjs`)) return importFile(`${whole}.mjs`);
  if (isFile(`${whole}.cjs`)) return load(`${whole}.cjs`);
  return load(load.resolve(file, { paths: [taskRoot, path.resolve(taskRoot, folder)] }));
}

function isFile(name) {
  return fs.statSync(name, { throwIfNoEntry: false })?.isFile() === true;
}

function isModuleFolder(folder) {
  for (let at = folder; ; at = path.dirname(at)) {
    if (at.endsWith("/node_modules")) return false;
    let text;
    try {
      text = fs.readFileSync(path.join(at, "package.json"), "utf8");
    } catch {
      if (path.dirname(at) === at) return false;
      continue;
    }
    try {
      return JSON.parse(text).type === "module";
    } catch (error) {
      console.warn(
        `${at}/package.json cannot be read, it will be ignored for ES module detection purposes.`,
        error,
      );
      return false;
    }
  }
}

function importFile(name) {
  resolveByNodePath();
  return import(require("node:url").pathToFileURL(name).href);
}

/**
 * ES modules ignore NODE_PATH, and Lambda's do not: packages of layers and the SDK can be imported.
 * A bare name that Node does not find is looked for beside each folder of NODE_PATH.
 */
function resolveByNodePath() {
  const folders = Module.globalPaths.filter((folder) => folder.endsWith("/node_modules"));
  if (Module.registerHooks === undefined) {
    const source = require("node:fs").readFileSync(path.join(__dirname, "resolve-hook.mjs"), "utf8");
    Module.register(`data:text/javascript,${encodeURIComponent(source)}`, { data: { folders } });
    return;
  }
  Module.registerHooks({
    resolve(specifier, context, next) {
      try {
        return next(specifier, context);
      } catch (error) {
        if (error?.code !== "ERR_MODULE_NOT_FOUND" || /^[./]|^[a-z]+:/i.test(specifier)) throw error;
        for (const folder of folders) {
          try {
            return next(specifier, { ...context, parentURL: `file://${folder}/../_` });
          } catch {
            continue;
          }
        }
        throw error;
      }
    },
  });
}

module.exports = { prepare, load };

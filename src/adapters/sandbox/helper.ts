import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { createServer, Socket } from "node:net";
import type { Server } from "node:net";
import { signalName } from "./signals.ts";

export interface HelperExit {
  readonly code: number | undefined;
  readonly signal: string | undefined;
}

/** What a started sandbox hands over, made inside its own network namespace. */
export interface HandedOver {
  readonly runtimeApi: Server;
  readonly endpoint: Server;
  readonly stdout: Socket;
  readonly stderr: Socket;
}

/** One helper process: the monitor of one sandbox. */
export interface Helper {
  /** Host process id of the sandbox's process 1. */
  readonly pid: number;
  readonly channel: Socket;
  /** Runs the program. `fields` are `key=value`. Errors: Error with the helper's sentence. */
  start(fields: readonly string[]): Promise<HandedOver>;
  /** Asks for something that is answered: `attach`, `tmp`. */
  ask(verb: string, fields: readonly string[]): Promise<void>;
  tell(verb: string, ...fields: readonly string[]): void;
  /** Resolves when the last process of the sandbox is gone. Never rejects. */
  readonly ended: Promise<HelperExit>;
}

type HelperMessage =
  | { handle: keyof HandedOver }
  | { base: number }
  | { ready: true }
  | { reply: number; error: string }
  | { exit: number; signal: number }
  | { fatal: string };

/** Node hands a received descriptor over as its internal handle, which these constructors take. */
type NativeHandle = object;

function frame(strings: readonly string[]): Buffer {
  const body = Buffer.from(strings.map((one) => `${one}\0`).join(""));
  const head = Buffer.alloc(4);
  head.writeUInt32LE(body.length);
  return Buffer.concat([head, body]);
}

function readable(handle: NativeHandle): Socket {
  return new Socket({ handle, readable: true, writable: false } as ConstructorParameters<typeof Socket>[0]);
}

function listening(handle: NativeHandle): Server {
  const server = createServer();
  server.listen(handle);
  return server;
}

interface Waiter<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: Error) => void;
}

function waiter<T>(): Waiter<T> {
  const all = Promise.withResolvers<T>();
  // Whoever awaits it still sees the failure; nobody awaiting it is no reason to crash.
  all.promise.catch(() => undefined);
  return { promise: all.promise, resolve: all.resolve, reject: all.reject };
}

/**
 * Spawns a helper and waits until its sandbox has processes, a root and control groups, but no
 * program yet. Errors: Error with the helper's sentence.
 */
export async function spawnHelper(executable: string, args: readonly string[]): Promise<Helper> {
  const child: ChildProcess = spawn(executable, ["run", ...args], {
    stdio: ["ignore", "ignore", "pipe", "ipc", "pipe", "pipe"],
    env: {},
    cwd: "/",
  });
  const control = (child.stdio as readonly unknown[])[4] as Socket;
  const channel = (child.stdio as readonly unknown[])[5] as Socket;
  const base = waiter<number>();
  const started = waiter<HandedOver>();
  const ended = waiter<HelperExit>();
  const replies = new Map<number, Waiter<void>>();
  const handles: Partial<Record<keyof HandedOver, NativeHandle>> = {};
  let exit: HelperExit = { code: undefined, signal: "SIGKILL" };
  let complaint = "";
  let nextReply = 1;
  // Its death is seen at 'close'; a write that fails meanwhile says nothing more.
  control.on("error", () => undefined);
  channel.on("error", () => undefined);
  child.stderr
    ?.setEncoding("utf8")
    .on("data", (text: string) => (complaint = (complaint + text).slice(-2000)));

  function fail(reason: string): void {
    const error = new Error(`sandbox: ${reason}`);
    base.reject(error);
    started.reject(error);
    for (const one of replies.values()) one.reject(error);
    replies.clear();
  }

  child.on("message", (message: HelperMessage, handle?: unknown) => {
    if ("handle" in message) handles[message.handle] = handle as NativeHandle;
    else if ("base" in message) base.resolve(message.base);
    else if ("fatal" in message) complaint = message.fatal;
    else if ("exit" in message) {
      exit =
        message.signal === 0
          ? { code: message.exit, signal: undefined }
          : { code: undefined, signal: signalName(message.signal) };
    } else if ("reply" in message) {
      const one = replies.get(message.reply);
      replies.delete(message.reply);
      if (message.error === "") one?.resolve();
      else one?.reject(new Error(`sandbox: ${message.error}`));
    } else {
      const { runtimeApi, endpoint, stdout, stderr } = handles as Record<keyof HandedOver, NativeHandle>;
      started.resolve({
        runtimeApi: listening(runtimeApi),
        endpoint: listening(endpoint),
        stdout: readable(stdout),
        stderr: readable(stderr),
      });
    }
  });
  child.on("error", (error) => {
    fail(`starting the helper: ${error.message}`);
    ended.resolve(exit);
  });
  child.on("exit", () => {
    control.destroy();
    // What the helper said last is still on its way when its exit is seen.
    const finish = (): void => {
      fail(complaint === "" ? "the sandbox ended" : complaint);
      ended.resolve(exit);
    };
    if (child.connected) child.once("disconnect", finish);
    else setImmediate(finish);
  });

  const pid = await base.promise;
  return {
    pid,
    channel,
    start(fields) {
      control.write(frame(["start", ...fields]));
      return started.promise;
    },
    ask(verb, fields) {
      const id = nextReply++;
      const reply = waiter<void>();
      replies.set(id, reply);
      if (control.destroyed) reply.reject(new Error("sandbox: the sandbox ended"));
      else control.write(frame([verb, String(id), ...fields]));
      return reply.promise;
    },
    tell(verb, ...fields) {
      if (!control.destroyed) control.write(frame([verb, ...fields]));
    },
    ended: ended.promise,
  };
}

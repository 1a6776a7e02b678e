import { spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import type { ChildProcess } from "node:child_process";
import { createServer, Socket } from "node:net";
import type { Server } from "node:net";
import type { NamePorts } from "./names.ts";
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
  /** Port 53 inside; only where `dns` was asked for. */
  readonly names: NamePorts | undefined;
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

type HandleName = Exclude<keyof HandedOver, "names"> | "dnsTcp" | "dnsUdp" | "control" | "channel";

type HelperMessage = { id: number } & (
  | { handle: HandleName }
  | { base: number }
  | { ready: true }
  | { reply: number; error: string }
  | { exit: number; signal: number }
  | { fatal: string }
  | { gone: true }
);

/** Node hands a received descriptor over as its internal handle, which these constructors take. */
type NativeHandle = { close(): void };

function frame(strings: readonly string[]): Buffer {
  const body = Buffer.from(strings.map((one) => `${one}\0`).join(""));
  const head = Buffer.alloc(4);
  head.writeUInt32LE(body.length);
  return Buffer.concat([head, body]);
}

function readable(handle: NativeHandle): Socket {
  return new Socket({ handle, readable: true, writable: false } as ConstructorParameters<typeof Socket>[0]);
}

function duplex(handle: NativeHandle): Socket {
  return new Socket({ handle, readable: true, writable: true } as ConstructorParameters<typeof Socket>[0]);
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

/** Makes monitors: one small process of its own forks them, since forking the server stops it for milliseconds. */
export interface Spawner {
  /**
   * Waits until the sandbox has processes, a root and control groups, but no program yet. `args` are
   * `name=value`. Errors: Error with the helper's sentence.
   */
  spawn(args: readonly string[]): Promise<Helper>;
  /** Running monitors go on. */
  close(): void;
}

/** Whoever hears the messages about one sandbox. */
interface Listener {
  onMessage(message: HelperMessage, handle: NativeHandle | undefined): void;
  onSpawnerEnded(reason: string): void;
}

export function openSpawner(executable: string): Spawner {
  const listeners = new Map<number, Listener>();
  let child: ChildProcess | undefined;
  let closed = false;
  let nextId = 1;

  function start(): ChildProcess {
    const process: ChildProcess = spawn(executable, ["serve"], {
      // The last one keeps the number of a monitor's channel free.
      stdio: ["ignore", "ignore", "pipe", "ipc", "pipe", "ignore"],
      env: {},
      cwd: "/",
    });
    let complaint = "";
    controlOf(process).on("error", () => undefined);
    process.stderr
      ?.setEncoding("utf8")
      .on("data", (text: string) => (complaint = (complaint + text).slice(-2000)));
    process.on("message", (message: HelperMessage, handle?: unknown) => {
      const listener = listeners.get(message.id);
      if (listener === undefined) (handle as NativeHandle | undefined)?.close();
      else listener.onMessage(message, handle as NativeHandle | undefined);
    });
    const ended = (reason: string): void => {
      if (child === process) child = undefined;
      for (const listener of listeners.values()) listener.onSpawnerEnded(reason);
    };
    process.on("error", (error) => ended(`starting the helper: ${error.message}`));
    // After its exit and after all that was said to us before.
    process.on("close", () => ended(complaint === "" ? "the helper ended" : complaint));
    return process;
  }

  return {
    spawn(args) {
      if (closed) return Promise.reject(new Error("sandbox: the driver is closed"));
      child ??= start();
      const id = nextId++;
      const { listener, helper } = monitorOf(() => listeners.delete(id));
      listeners.set(id, listener);
      controlOf(child).write(frame(["run", String(id), ...args]));
      return helper;
    },
    close() {
      closed = true;
      if (child !== undefined) controlOf(child).end();
    },
  };
}

function controlOf(child: ChildProcess): Socket {
  return (child.stdio as readonly unknown[])[4] as Socket;
}

/** The server's side of one monitor, from its messages; `forget` when there will be no more of them. */
function monitorOf(forget: () => void): { listener: Listener; helper: Promise<Helper> } {
  const base = waiter<number>();
  const started = waiter<HandedOver>();
  const ended = waiter<HelperExit>();
  const replies = new Map<number, Waiter<void>>();
  const handles: Partial<Record<HandleName, NativeHandle>> = {};
  let control: Socket | undefined;
  let exit: HelperExit = { code: undefined, signal: "SIGKILL" };
  let complaint = "";
  let spawnerEnded = false;
  let nextReply = 1;

  function finish(): void {
    forget();
    control?.destroy();
    const error = new Error(`sandbox: ${complaint === "" ? "the sandbox ended" : complaint}`);
    base.reject(error);
    started.reject(error);
    for (const one of replies.values()) one.reject(error);
    replies.clear();
    for (const handle of Object.values(handles)) handle.close();
    ended.resolve(exit);
  }

  function listenTo(handle: NativeHandle): Socket {
    const socket = duplex(handle);
    // A write that fails says nothing: the spawner tells of a monitor's end, after all it has said itself.
    socket.on("error", () => undefined);
    socket.on("close", () => {
      if (spawnerEnded) finish();
    });
    socket.resume();
    return socket;
  }

  function take(name: HandleName): NativeHandle {
    const handle = handles[name];
    if (handle === undefined) throw new Error(`sandbox: the helper did not hand over ${name}`);
    delete handles[name];
    return handle;
  }

  function namePorts(): NamePorts {
    const datagrams = createSocket("udp4");
    // Like listen() of a server, bind() takes a handle, which no type says.
    datagrams.bind(take("dnsUdp") as unknown as number);
    return { datagrams, connections: listening(take("dnsTcp")) };
  }

  const listener: Listener = {
    onMessage(message, handle) {
      if ("handle" in message) {
        if (handle === undefined) return;
        if (message.handle === "control") control = listenTo(handle);
        else handles[message.handle] = handle;
      } else if ("base" in message) base.resolve(message.base);
      else if ("fatal" in message) complaint = message.fatal;
      else if ("gone" in message) finish();
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
        started.resolve({
          runtimeApi: listening(take("runtimeApi")),
          endpoint: listening(take("endpoint")),
          stdout: readable(take("stdout")),
          stderr: readable(take("stderr")),
          names: handles.dnsTcp === undefined ? undefined : namePorts(),
        });
      }
    },
    onSpawnerEnded(reason) {
      spawnerEnded = true;
      // A monitor whose control socket is open lives on.
      if (control?.destroyed === false) return;
      if (complaint === "") complaint = reason;
      finish();
    },
  };

  async function helper(): Promise<Helper> {
    const pid = await base.promise;
    const channel = duplex(take("channel"));
    channel.on("error", () => undefined);
    const socket = control;
    if (socket === undefined) throw new Error("sandbox: the helper did not hand over control");
    return {
      pid,
      channel,
      start(fields) {
        socket.write(frame(["start", ...fields]));
        return started.promise;
      },
      ask(verb, fields) {
        const id = nextReply++;
        const reply = waiter<void>();
        replies.set(id, reply);
        if (socket.destroyed) reply.reject(new Error("sandbox: the sandbox ended"));
        else socket.write(frame([verb, String(id), ...fields]));
        return reply.promise;
      },
      tell(verb, ...fields) {
        if (!socket.destroyed) socket.write(frame([verb, ...fields]));
      },
      ended: ended.promise,
    };
  }

  return { listener, helper: helper() };
}

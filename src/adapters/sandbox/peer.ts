import { readdir, readFile, readlink } from "node:fs/promises";
import { createServer } from "node:net";
import type { Server, Socket } from "node:net";

/** The kernel's record of a connection's other end. */
export interface Peer {
  readonly uid: number;
  readonly inode: string;
}

/** 127.0.0.1:port as /proc/net/tcp and tcp6 write it: bytes of the address in the machine's order. */
function spellings(port: number): readonly string[] {
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  return [`0100007F:${hex}`, `0000000000000000FFFF00000100007F:${hex}`];
}

/** Finds the socket that is connected from `from` to `to`, both ports of 127.0.0.1. */
export function findPeer(table: string, from: number, to: number): Peer | undefined {
  const local = spellings(from);
  const remote = spellings(to);
  for (const line of table.split("\n")) {
    const fields = line.trim().split(/\s+/);
    if (!local.includes(fields[1] ?? "") || !remote.includes(fields[2] ?? "")) continue;
    return { uid: Number(fields[7]), inode: fields[9] ?? "" };
  }
  return undefined;
}

async function peerOf(socket: Socket): Promise<Peer | undefined> {
  const { remotePort, localPort } = socket;
  if (remotePort === undefined || localPort === undefined) return undefined;
  for (const file of ["/proc/net/tcp", "/proc/net/tcp6"]) {
    const found = findPeer(await readFile(file, "latin1").catch(() => ""), remotePort, localPort);
    if (found !== undefined) return found;
  }
  return undefined;
}

async function holds(pid: number, inode: string): Promise<boolean> {
  const folder = `/proc/${pid}/fd`;
  const names = await readdir(folder).catch(() => []);
  const links = await Promise.all(names.map((name) => readlink(`${folder}/${name}`).catch(() => "")));
  return links.includes(`socket:[${inode}]`);
}

/** Whether one of these processes holds the other end of the connection. Linux only. */
export async function comesFrom(socket: Socket, pids: readonly number[]): Promise<boolean> {
  const peer = await peerOf(socket);
  if (peer === undefined) return false;
  for (const pid of pids) if (await holds(pid, peer.inode)) return true;
  return false;
}

/** Whether the other end of the connection is this user's. Linux only. */
export async function comesFromUser(socket: Socket, uid: number): Promise<boolean> {
  return (await peerOf(socket))?.uid === uid;
}

/**
 * A server on a free port of 127.0.0.1 that passes on only the connections that `admit` lets in; the
 * others are closed before a byte of them is read.
 */
export async function guardedListener(admit: (socket: Socket) => Promise<boolean>): Promise<{
  /** Emits 'connection'; closing it closes the port. */
  readonly server: Server;
  readonly port: number;
}> {
  const server = createServer();
  const port = createServer({ pauseOnConnect: true }, (socket) => {
    socket.on("error", () => socket.destroy());
    void admit(socket)
      .catch(() => false)
      .then((admitted) => {
        if (!admitted) return void socket.destroy();
        server.emit("connection", socket);
        socket.resume();
      });
  });
  await new Promise<void>((resolve, reject) => {
    port.once("error", reject);
    port.listen(0, "127.0.0.1", resolve);
  });
  server.close = (done) => {
    port.close(done);
    return server;
  };
  const address = port.address();
  return { server, port: typeof address === "object" && address !== null ? address.port : 0 };
}

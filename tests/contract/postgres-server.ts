/** A PostgreSQL of the test's own on a unix socket, where the machine has its programs. */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { chmodSync, chownSync, existsSync, globSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

export interface PostgresServer {
  /** Folder of the socket; goes in as the host. */
  readonly socket: string;
  readonly username: string;
  stop(): Promise<void>;
}

const NOBODY = 65534;
/** PostgreSQL refuses to run as root. */
const user = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};

function binaries(): string | undefined {
  const found = spawnSync("sh", ["-c", "command -v initdb"], { encoding: "utf8" }).stdout.trim();
  const folders = [...globSync("/usr/lib/postgresql/*/bin"), ...(found === "" ? [] : [dirname(found)])];
  return folders.find((folder) => existsSync(join(folder, "initdb")) && existsSync(join(folder, "postgres")));
}

/** Undefined with a printed reason where there is none. */
export async function startPostgres(): Promise<PostgresServer | undefined> {
  const bin = binaries();
  if (bin === undefined) return undefined;
  const folder = mkdtempSync(join(tmpdir(), "lambent-pg-"));
  chmodSync(folder, 0o700);
  if ("uid" in user) chownSync(folder, NOBODY, NOBODY);
  const data = join(folder, "data");
  execFileSync(
    join(bin, "initdb"),
    ["-D", data, "-U", "lambent", "-A", "trust", "-E", "UTF8", "--locale=C"],
    {
      ...user,
      cwd: folder,
      stdio: "ignore",
    },
  );
  const server = spawn(join(bin, "postgres"), ["-D", data, "-k", folder, "-c", "listen_addresses="], {
    ...user,
    cwd: folder,
    stdio: "ignore",
  });
  const gone = new Promise<void>((resolve) => server.once("exit", () => resolve()));
  const ready = (): boolean =>
    spawnSync(join(bin, "pg_isready"), ["-q", "-h", folder], { stdio: "ignore" }).status === 0;
  for (let tries = 0; !ready(); tries += 1) {
    if (tries > 200 || server.exitCode !== null) throw new Error("PostgreSQL did not start");
    await pause(50);
  }
  return {
    socket: folder,
    username: "lambent",
    async stop() {
      server.kill("SIGINT");
      await gone;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

import { statfs } from "node:fs/promises";
import type { Clock } from "../../kernel/clock.ts";
import type { Logger } from "../../kernel/log.ts";
import type {
  Capabilities,
  ExitInfo,
  Mount,
  Sandbox,
  SandboxDriver,
  SandboxLimits,
  SandboxSpec,
} from "../../ports/sandbox-driver.ts";
import type { Cgroup } from "./cgroup.ts";
import { openEgress } from "./egress.ts";
import { helperPath } from "./helper-path.ts";
import { openSpawner } from "./helper.ts";
import type { Helper } from "./helper.ts";
import { prepareHost } from "./host.ts";
import type { Host } from "./host.ts";
import { ownerName } from "./owner.ts";
import { probe } from "./probe.ts";
import { descendants, processTable } from "./process-tree.ts";
import { forwardNames } from "./names.ts";
import { keepSpares } from "./spares.ts";
import { firstUser, USERS_PER_SERVER } from "./users.ts";

export interface NamespacesOptions {
  readonly dataDir: string;
  /** Names the control groups of this server: [a-z0-9-]+, unique among the servers of the machine. */
  readonly instanceId: string;
  readonly log: Logger;
  readonly clock: Clock;
  /** Content of a resolv.conf for the inside, in place of the host's. */
  readonly resolvConf?: string;
  /**
   * Sandboxes kept ready, without a program (default 2; after a burst up to 8, 0 for none at all):
   * takes the set-up out of `create`.
   */
  readonly spares?: number;
}

const RUNTIME_API = "127.0.0.1:9001";
const FIRST_SLOTS = 2_048;
/** The user inside, where only one can be had. */
const ROOTLESS_UID = 993;
/** What a spare may use until it is known whose it is. */
const SPARE_LIMITS: SandboxLimits = { memoryMb: 512, cpus: 1, pids: 1024, tmpMb: 512, openFiles: 1024 };

interface Base {
  readonly helper: Helper;
  readonly cgroup: Cgroup;
  readonly rootless: boolean;
  /** It has a cable to the host, which is connected when the program may use it. */
  readonly hasEgress: boolean;
  /** Its number may be given to another. */
  release(): Promise<void>;
}

function mountFields(mounts: readonly Mount[]): string[] {
  return mounts.flatMap((mount) => [`source=${mount.source}`, `target=${mount.target}`]);
}

/**
 * Linux namespaces, control groups and a system call filter, through lambent-sandbox. Without root,
 * user namespaces, with a watchdog in place of control groups and no way out of the sandbox.
 * Errors: Error that says what the host lacks.
 */
export async function createNamespacesDriver(options: NamespacesOptions): Promise<SandboxDriver> {
  const executable = await helperPath();
  const host = await prepareHost(options);
  const noEgress: string[] = [];
  const closedBecause = (reason: string): undefined =>
    void noEgress.push(`network: no way out of the sandbox: ${reason}`);
  const egress = host.rootless
    ? closedBecause("it takes root to connect a network")
    : await openEgress().catch((error: unknown) =>
        closedBecause(error instanceof Error ? error.message : String(error)),
      );
  const users = firstUser("namespaces", `${options.instanceId}-${await ownerName()}`);
  const spawner = openSpawner(executable);
  const slots = slotAllocator();
  const live = new Set<Sandbox>();

  async function prepare(): Promise<Base> {
    const slot = slots.take();
    const cgroup = host.limiter(slot);
    try {
      cgroup.setLimits(SPARE_LIMITS);
      const uid = host.rootless ? ROOTLESS_UID : users + (slot % USERS_PER_SERVER);
      const cable = egress?.helperArguments(slot) ?? [];
      const helper = await spawner.spawn([
        ...cable,
        ...(host.rootless ? ["rootless=1"] : []),
        `uid=${uid}`,
        `gid=${uid}`,
        `tmp=${SPARE_LIMITS.tmpMb}`,
        `resolv=${host.names.resolvConf}`,
        ...(host.imagesFolder === undefined ? [] : [`images=${host.imagesFolder}`]),
        ...(host.hasCoreHandler ? ["corehandler=1"] : []),
        ...cgroup.procs.map((file) => `cgroup=${file}`),
      ]);
      cgroup.adopt(helper.pid);
      const release = async (): Promise<void> => {
        await cgroup.remove();
        slots.give(slot);
      };
      return { helper, cgroup, rootless: host.rootless, hasEgress: cable.length > 0, release };
    } catch (error) {
      await cgroup.remove();
      slots.give(slot);
      throw error;
    }
  }

  const spares = keepSpares(prepare, options.spares ?? 2, options.clock, (error) =>
    options.log.warn({ error: String(error) }, "no spare sandbox"),
  );

  async function create(spec: SandboxSpec): Promise<Sandbox> {
    const base = await spares.take();
    try {
      if (spec.network === "egress" && egress !== undefined && !base.hasEgress)
        throw new Error("sandbox: no address is left for another sandbox with a way out (2,048 at most)");
      const sandbox = await startIn(base, spec, host);
      live.add(sandbox);
      void sandbox.exited.then(() => live.delete(sandbox));
      setImmediate(() => spares.refill());
      return sandbox;
    } catch (error) {
      base.helper.tell("kill");
      await base.helper.ended;
      await base.release();
      throw error;
    }
  }

  const driver = {
    name: "namespaces",
    capabilities: undefined as unknown as Capabilities,
    create,
    sweep: () => host.sweep(),
    async close() {
      await Promise.all([...live].map((sandbox) => sandbox.kill()));
      for (const base of await spares.close()) {
        base.helper.tell("kill");
        await base.helper.ended;
        await base.release();
      }
      spawner.close();
      await egress?.close();
      await host.close();
    },
  } satisfies SandboxDriver;
  try {
    driver.capabilities = await probe(driver.create, host, executable, noEgress);
  } catch (error) {
    await driver.close();
    throw error instanceof Error ? host.explain(error) : error;
  }
  spares.refill();
  return driver;
}

async function startIn(base: Base, spec: SandboxSpec, host: Host): Promise<Sandbox> {
  const { helper, cgroup } = base;
  let limits = spec.limits;
  await host.needTmp(limits.tmpMb);
  cgroup.setLimits(limits);
  const given = await helper.start([
    ...spec.argv.map((one) => `argv=${one}`),
    ...Object.entries(spec.env).map(([name, value]) => `env=${name}=${value}`),
    `cwd=${spec.cwd}`,
    `tmp=${limits.tmpMb}`,
    `nofile=${limits.openFiles}`,
    `port=${spec.endpointPort}`,
    `nproc=${processLimit(limits, base)}`,
    ...(spec.channel ? ["channel=1"] : []),
    ...(spec.network === "egress" && base.hasEgress ? ["egress=1"] : []),
    ...(spec.network === "egress" && base.hasEgress && host.names.forwardTo.length > 0 ? ["dns=1"] : []),
    ...mountFields(spec.mounts),
  ]);
  if (!spec.channel) helper.channel.destroy();
  const names =
    given.names === undefined ? undefined : forwardNames(given.names, host.names.forwardTo, host.clock);
  let alive = true;
  let frozen = false;
  const exited: Promise<ExitInfo> = helper.ended.then(async (exit) => {
    alive = false;
    const oomKilled = cgroup.oomKills() > 0;
    given.runtimeApi.close();
    given.endpoint.close();
    names?.close();
    await base.release();
    return { ...exit, oomKilled };
  });

  function thaw(): void {
    if (!frozen || !alive) return;
    frozen = false;
    cgroup.thaw();
  }

  function kill(): Promise<ExitInfo> {
    // v1 delivers no signal to a frozen task.
    helper.tell("kill");
    thaw();
    return exited;
  }

  return {
    id: spec.id,
    pid: helper.pid,
    runtimeApi: given.runtimeApi,
    endpoint: given.endpoint,
    runtimeApiAddress: RUNTIME_API,
    endpointUrl: `http://127.0.0.1:${spec.endpointPort}`,
    channel: spec.channel ? helper.channel : undefined,
    stdout: given.stdout,
    stderr: given.stderr,
    path: (target) => target,
    async attach(mounts) {
      if (alive) await helper.ask("attach", mountFields(mounts));
    },
    async setLimits(wanted) {
      if (!alive) return;
      if (wanted.tmpMb !== limits.tmpMb) {
        await host.needTmp(wanted.tmpMb);
        await helper.ask("tmp", [String(wanted.tmpMb)]);
      }
      // The kernel lets a process's own limit be lowered only; beyond it the control group's holds.
      if (wanted.pids < limits.pids) helper.tell("processes", String(processLimit(wanted, base)));
      limits = wanted;
      cgroup.setLimits(wanted);
    },
    async freeze() {
      if (!alive || frozen) return;
      frozen = true;
      await cgroup.freeze();
    },
    async thaw() {
      thaw();
    },
    async stats() {
      const [use, tmpBytes] = await Promise.all([cgroup.use(), alive ? tmpUse(base) : 0]);
      return { ...use, tmpBytes };
    },
    stop(graceMs) {
      thaw();
      helper.tell("signal", "15");
      const patience = host.clock.timer(graceMs, () => void kill());
      return exited.finally(() => patience.cancel());
    },
    kill,
    exited,
  };
}

/** Counted for the sandbox's user; without root the monitor and process 1 are of that user, too. */
function processLimit(limits: SandboxLimits, base: Base): number {
  return limits.pids + (base.rootless ? 2 : 0);
}

/** Bytes used in /tmp, seen through the sandbox's own root. */
async function tmpUse({ helper, rootless }: Base): Promise<number> {
  // Process 1 lets nobody but root look; what it has started does.
  const pid = rootless ? descendants(await processTable(), helper.pid)[0] : helper.pid;
  const about = await statfs(`/proc/${pid}/root/tmp`).catch(() => undefined);
  return about === undefined ? 0 : (about.blocks - about.bfree) * about.bsize;
}

/**
 * Numbers are used again, but not at once. There are addresses for the first few thousand only, so
 * higher ones are given out only when those are in use.
 */
function slotAllocator(): { take(): number; give(slot: number): void } {
  const used = new Set<number>();
  let next = 0;
  return {
    take() {
      const span = used.size < FIRST_SLOTS ? FIRST_SLOTS : USERS_PER_SERVER;
      do next = (next + 1) % span;
      while (used.has(next));
      used.add(next);
      return next;
    },
    give: (slot) => void used.delete(slot),
  };
}

import { execFile } from "node:child_process";
import { mkdir, open, readFile, rename, rmdir, writeFile } from "node:fs/promises";
import { networkInterfaces } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import type { Clock } from "../../kernel/clock.ts";
import type { Logger } from "../../kernel/log.ts";
import { destroyGroup, listGroups, makeCgroup } from "./cgroup.ts";
import type { Cgroup } from "./cgroup.ts";
import { groupFolders, parseLayout, unifiedMount } from "./cgroups.ts";
import type { CgroupLayout } from "./cgroups.ts";
import { ownGroup, takeOver } from "./delegation.ts";
import { planNames } from "./names.ts";
import type { NamePlan } from "./names.ts";
import { ownerIsDead, ownerName } from "./owner.ts";
import { watchProcesses } from "./watched.ts";

const run = promisify(execFile);
const GROUP_PREFIX = "lambent-";

/** What sandboxes of one server share on the host. */
export interface Host {
  readonly clock: Clock;
  /** No privileges: user namespaces, and watching instead of control groups. */
  readonly rootless: boolean;
  /** The kernel's own, so that what is not there is `none`. */
  readonly layout: CgroupLayout;
  /** Limits of the sandbox with this number. */
  limiter(slot: number): Cgroup;
  readonly names: NamePlan;
  /** This machine hands core dumps to a program of its own, outside of the sandboxes. */
  readonly hasCoreHandler: boolean;
  /** Folder of /tmp images; undefined where /tmp has to be a tmpfs. */
  readonly imagesFolder: string | undefined;
  /** Why something is less than it could be. */
  readonly reasons: readonly string[];
  /** Makes the template of a size unless it is there. */
  needTmp(megabytes: number): Promise<void>;
  /** A failure to make the first sandbox, with what is known of its cause. */
  explain(error: Error): Error;
  /** Destroys the groups of servers that are dead. */
  sweep(): Promise<readonly string[]>;
  close(): Promise<void>;
}

async function hasCoreHandler(): Promise<boolean> {
  return (await textOf("/proc/sys/kernel/core_pattern")).startsWith("|");
}

async function textOf(file: string): Promise<string> {
  return readFile(file, "utf8").catch(() => "");
}

/** The second one is systemd-resolved's, with the servers that its own address stands for. */
const RESOLV_CONFS = ["/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"];

async function findNames(given: string | undefined, reasons: string[]): Promise<NamePlan> {
  const texts = given === undefined ? await Promise.all(RESOLV_CONFS.map(textOf)) : [given];
  const own = new Set(
    Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map((one) => one.address)),
  );
  const plan = planNames(texts, own);
  if (plan.resolvConf === "")
    reasons.push("network: this machine has no name server in /etc/resolv.conf, so sandboxes have none");
  return plan;
}

export async function prepareHost(options: {
  dataDir: string;
  instanceId: string;
  resolvConf?: string;
  log: Logger;
  clock: Clock;
}): Promise<Host> {
  if (process.platform !== "linux") throw new Error("namespaces exist on Linux only");
  if (process.getuid?.() !== 0) return prepareRootless(options.clock, options.instanceId);
  const mountinfo = await textOf("/proc/self/mountinfo");
  const unified = unifiedMount(mountinfo);
  const controllers = unified === undefined ? "" : await textOf(path.join(unified, "cgroup.controllers"));
  const layout = parseLayout(mountinfo, controllers);
  const group = `${GROUP_PREFIX}${options.instanceId}-${await ownerName()}`;
  const reasons: string[] = [];
  // In a container the top group is one with processes; only the machine's own top may have them.
  if (layout.memory?.version === 2 && (await textOf(path.join(layout.memory.root, "cgroup.type"))) !== "")
    await takeOver(layout.memory.root);
  await claimGroup(layout, group, reasons);
  const folder = path.join(options.dataDir, "sandbox");
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const templates = new Map<number, Promise<void>>();
  const mkfs = await findMkfs();
  const loops = await textOf("/proc/devices").then((text) => /^\s*7 loop$/m.test(text));
  const images = mkfs !== undefined && loops;
  if (mkfs === undefined)
    reasons.push("tmpSize: mkfs.ext4 is missing (package e2fsprogs), so /tmp counts as memory");
  else if (!loops)
    reasons.push("tmpSize: this kernel or container has no loop devices, so /tmp counts as memory");

  function needTmp(megabytes: number): Promise<void> {
    if (!images || mkfs === undefined) return Promise.resolve();
    let template = templates.get(megabytes);
    if (template === undefined) {
      template = makeTemplate(mkfs, folder, megabytes);
      template.catch(() => templates.delete(megabytes));
      templates.set(megabytes, template);
    }
    return template;
  }

  await needTmp(512);
  return {
    clock: options.clock,
    rootless: false,
    layout,
    limiter: (slot) => makeCgroup(layout, `${group}/${slot}`),
    names: await findNames(options.resolvConf, reasons),
    hasCoreHandler: await hasCoreHandler(),
    imagesFolder: images ? folder : undefined,
    reasons,
    needTmp,
    explain: (error) => error,
    sweep: () => sweepGroups(layout),
    close: () => removeGroup(layout, group),
  };
}

/** Destroys the groups of servers that are dead. */
async function sweepGroups(layout: CgroupLayout): Promise<readonly string[]> {
  const swept: string[] = [];
  for (const name of await listGroups(layout, "")) {
    if (!name.startsWith(GROUP_PREFIX) || !(await ownerIsDead(name))) continue;
    for (const child of await listGroups(layout, name)) {
      await destroyGroup(layout, `${name}/${child}`);
      swept.push(`${name.slice(GROUP_PREFIX.length)}/${child}`);
    }
    await destroyGroup(layout, name);
  }
  return swept;
}

async function removeGroup(layout: CgroupLayout, group: string): Promise<void> {
  for (const one of groupFolders(layout, group)) await rmdir(one).catch(() => undefined);
}

/** Settings of the kernel that forbid user namespaces, and the value that does. */
const FORBIDDING: Readonly<Record<string, string>> = {
  "kernel/apparmor_restrict_unprivileged_userns": "1",
  "kernel/unprivileged_userns_clone": "0",
  "user/max_user_namespaces": "0",
};

/** Which setting forbids them on this machine, as a sentence's end; "" where none is known to. */
async function forbiddingSettings(): Promise<string> {
  const found: string[] = [];
  for (const [name, value] of Object.entries(FORBIDDING)) {
    if ((await textOf(`/proc/sys/${name}`)).trim() === value)
      found.push(`${name.replace("/", ".")}=${value}`);
  }
  return found.length === 0 ? "" : ` (this machine has ${found.join(", ")})`;
}

const NO_CONTROLLERS: CgroupLayout = {
  memory: undefined,
  cpu: undefined,
  cpuacct: undefined,
  pids: undefined,
  freezer: undefined,
};

/**
 * For a server that is not root. Where a part of the control groups was given to it, the kernel holds
 * the limits; elsewhere it watches, makes nothing on the host, and can leave nothing behind.
 */
async function prepareRootless(clock: Clock, instanceId: string): Promise<Host> {
  const forbidden = await forbiddingSettings();
  const own = ownGroup(await textOf("/proc/self/mountinfo"), await textOf("/proc/self/cgroup"));
  const given = own === undefined ? "this machine has no cgroup v2" : await takeOver(own);
  const common = {
    clock,
    rootless: true,
    names: { resolvConf: "", forwardTo: [] },
    hasCoreHandler: await hasCoreHandler(),
    imagesFolder: undefined,
    needTmp: async () => undefined,
    explain: (error: Error) => new Error(`${error.message}${forbidden}`),
  };
  if (typeof given !== "string") {
    const group = `${GROUP_PREFIX}${instanceId}-${await ownerName()}`;
    await claimGroup(given, group, []);
    return {
      ...common,
      layout: given,
      limiter: (slot) => makeCgroup(given, `${group}/${slot}`),
      reasons: [
        "tmpSize: /tmp lives in memory and counts as the function's; started as root, it lives on disk",
      ],
      sweep: () => sweepGroups(given),
      close: () => removeGroup(given, group),
    };
  }
  const watch = watchProcesses(clock);
  return {
    ...common,
    layout: NO_CONTROLLERS,
    limiter: () => watch.make(),
    reasons: [
      `memory: processes are looked at 20 times a second, so a quick allocation can pass the limit for a moment; files in memory (/tmp, memfd) are not counted. The kernel would hold the limit as root, or in a control group given to this user (${given})`,
      "cpu: without root and without such a group a function may use all processors",
      "tmpSize: /tmp lives in this machine's memory; started as root, it lives on disk",
      "freeze: by signals, which a process can tell afterwards; started as root, by the kernel's freezer",
    ],
    sweep: async () => [],
    close: async () => watch.close(),
  };
}

async function claimGroup(layout: CgroupLayout, group: string, reasons: string[]): Promise<void> {
  for (const name of ["memory", "cpu", "pids"] as const) {
    if (layout[name] === undefined)
      reasons.push(`${name}: no ${name} controller is mounted below /sys/fs/cgroup`);
  }
  for (const folder of groupFolders(layout, group)) await mkdir(folder, { recursive: true });
  const v2 = [layout.memory, layout.cpu, layout.pids].find((one) => one?.version === 2);
  if (v2 === undefined) return;
  const wanted = (["memory", "cpu", "pids"] as const)
    .filter((name) => layout[name]?.version === 2)
    .map((name) => `+${name}`)
    .join(" ");
  await writeFile(path.join(v2.root, "cgroup.subtree_control"), wanted).catch(() => undefined);
  await writeFile(path.join(v2.root, group, "cgroup.subtree_control"), wanted);
}

async function findMkfs(): Promise<string | undefined> {
  for (const folder of ["/usr/sbin", "/sbin", "/usr/bin"]) {
    const file = path.join(folder, "mkfs.ext4");
    const found = await open(file).then(
      (handle) => handle.close().then(() => true),
      () => false,
    );
    if (found) return file;
  }
  return undefined;
}

async function makeTemplate(mkfs: string, folder: string, megabytes: number): Promise<void> {
  const file = path.join(folder, `tmp-${megabytes}.ext4`);
  const exists = await open(file).then(
    (handle) => handle.close().then(() => true),
    () => false,
  );
  if (exists) return;
  const fresh = `${file}.${process.pid}`;
  const handle = await open(fresh, "w", 0o600);
  // The size a function is promised is what it can write, so the file system's own needs come on top.
  await handle.truncate(Math.ceil(megabytes * 1.035 + 8) * 1024 * 1024);
  await handle.close();
  await run(mkfs, [
    "-q",
    "-F",
    "-m",
    "0",
    "-O",
    "^has_journal,^resize_inode",
    "-E",
    "lazy_itable_init=1",
    fresh,
  ]);
  await rename(fresh, file);
}

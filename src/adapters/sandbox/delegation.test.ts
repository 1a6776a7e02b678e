import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { ownGroup, takeOver } from "./delegation.ts";

const UNIFIED = "35 25 0:30 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n";
const SCOPE = "/user.slice/user-1000.slice/user@1000.service/app.slice/run-1.scope";

for (const [name, mountinfo, cgroup, expected] of [
  ["a scope of the user's systemd", UNIFIED, `0::${SCOPE}\n`, `/sys/fs/cgroup${SCOPE}`],
  ["a container", UNIFIED, "0::/\n", "/sys/fs/cgroup/"],
  [
    "hybrid",
    "36 25 0:30 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
    "12:pids:/x\n0::/x\n",
    "/sys/fs/cgroup/unified/x",
  ],
  ["above what is mounted", UNIFIED, "0::/../other\n", undefined],
  ["v1 only", "30 25 0:26 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n", "3:pids:/x\n", undefined],
] as const) {
  test(`the server's own group: ${name}`, () => {
    assert.equal(ownGroup(mountinfo, cgroup), expected);
  });
}

/** A folder with the files of a group, as far as they are looked at. */
async function group(controllers: string, processes: string): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), "lambent-delegated-"));
  await writeFile(path.join(folder, "cgroup.controllers"), controllers);
  await writeFile(path.join(folder, "cgroup.procs"), processes);
  await writeFile(path.join(folder, "cgroup.subtree_control"), "");
  return folder;
}

test("a group that was given to the server gets limits below it, and its processes a leaf", async (t) => {
  const folder = await group("cpuset cpu io memory pids\n", "77\n");
  t.after(() => rm(folder, { recursive: true }));
  const root = { version: 2, root: folder };
  const layout = { memory: root, cpu: root, cpuacct: root, pids: root, freezer: root };
  assert.deepEqual(await takeOver(folder), layout);
  assert.equal(await readFile(path.join(folder, "lambent-server/cgroup.procs"), "utf8"), "77");
  assert.equal(await readFile(path.join(folder, "cgroup.subtree_control"), "utf8"), "+memory +cpu +pids");
  // From the leaf, where a server that starts again finds itself.
  assert.deepEqual(await takeOver(path.join(folder, "lambent-server")), layout);
});

test("what is missing is said, and nothing changed", async (t) => {
  const poor = await group("memory pids\n", "77\n");
  const closed = await group("cpu memory pids\n", "77\n");
  t.after(() => Promise.all([poor, closed].map((one) => rm(one, { recursive: true }))));
  assert.match(String(await takeOver(poor)), /has no cpu controller/);
  assert.equal(await readFile(path.join(poor, "cgroup.subtree_control"), "utf8"), "");
  await rm(path.join(closed, "cgroup.subtree_control"));
  assert.match(String(await takeOver(closed)), /Delegate=yes/);
  await writeFile(path.join(closed, "cgroup.subtree_control"), "");
  await mkdir(path.join(closed, "lambent-server/cgroup.procs"), { recursive: true });
  assert.match(String(await takeOver(closed)), /cannot be divided/);
});

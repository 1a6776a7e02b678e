import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { makeCgroup } from "./cgroup.ts";
import { groupFolders, keyedValue, limitSettings, parseLayout, unifiedMount } from "./cgroups.ts";
import type { CgroupLayout } from "./cgroups.ts";

const LIMITS = { memoryMb: 128, cpus: 128 / 1769, pids: 64, tmpMb: 512, openFiles: 1024 };
const v1 = (name: string): string =>
  `30 25 0:26 / /sys/fs/cgroup/${name} rw,nosuid - cgroup cgroup rw,${name}`;
const UNIFIED = "35 25 0:30 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw";
const V1_NAMES = ["memory", "cpu", "cpuacct", "pids", "freezer"];

test("v2: one hierarchy for everything", () => {
  const layout = parseLayout(
    "35 25 0:30 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw",
    "cpuset cpu io memory pids\n",
  );
  assert.deepEqual(groupFolders(layout, "g"), ["/sys/fs/cgroup/g"]);
  assert.deepEqual(limitSettings(layout, "g", LIMITS, Number.MAX_SAFE_INTEGER), [
    { file: "/sys/fs/cgroup/g/memory.max", value: "134217728" },
    { file: "/sys/fs/cgroup/g/memory.swap.max", value: "0", optional: true },
    { file: "/sys/fs/cgroup/g/cpu.max", value: "1447 20000" },
    { file: "/sys/fs/cgroup/g/pids.max", value: "65" },
  ]);
});

test("where the unified hierarchy is mounted", () => {
  const around = "24 1 8:1 / / rw - ext4 /dev/sda rw\n";
  assert.equal(
    unifiedMount(`${around}35 25 0:30 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n`),
    "/sys/fs/cgroup",
  );
  assert.equal(unifiedMount([...V1_NAMES.map(v1), UNIFIED].join("\n")), "/sys/fs/cgroup/unified");
  assert.equal(unifiedMount(around), undefined);
});

test("v1: a hierarchy each; lowering sets the plain limit first, raising the one with swap", () => {
  const layout = parseLayout(V1_NAMES.map(v1).join("\n"), "");
  assert.equal(groupFolders(layout, "g").length, 5);
  const order = (current: number): string[] =>
    limitSettings(layout, "g", LIMITS, current)
      .slice(0, 2)
      .map((one) => path.basename(one.file));
  assert.deepEqual(order(Number.MAX_SAFE_INTEGER), ["memory.limit_in_bytes", "memory.memsw.limit_in_bytes"]);
  assert.deepEqual(order(1024), ["memory.memsw.limit_in_bytes", "memory.limit_in_bytes"]);
});

test("hybrid: limits of v1, freezer of v2", () => {
  const layout = parseLayout([...V1_NAMES.map(v1), UNIFIED].join("\n"), "hugetlb\n");
  assert.equal(layout.memory?.version, 1);
  assert.deepEqual(layout.freezer, { version: 2, root: "/sys/fs/cgroup/unified" });
});

test("a host without controllers has nothing to write", () => {
  const layout = parseLayout("22 1 8:1 / / rw - ext4 /dev/sda rw", "");
  assert.deepEqual(limitSettings(layout, "g", LIMITS, 0), []);
  assert.deepEqual(groupFolders(layout, "g"), []);
});

test("keyed values", () => {
  assert.equal(keyedValue("oom 3\noom_kill 1\n", "oom_kill"), 1);
  assert.equal(keyedValue("", "oom_kill"), 0);
});

for (const version of [1, 2] as const) {
  test(`limits, use and out-of-memory kills in the files of v${version}`, async () => {
    const root = await mkdtemp(path.join(tmpdir(), "lambent-cgroupfs-"));
    const controller = { version, root };
    const layout: CgroupLayout = {
      memory: controller,
      cpu: controller,
      cpuacct: controller,
      pids: controller,
      freezer: controller,
    };
    await mkdir(path.join(root, "g"));
    const cgroup = makeCgroup(layout, "g/1");
    const put = (leaf: string, text: string): Promise<void> => writeFile(path.join(root, "g/1", leaf), text);
    cgroup.setLimits(LIMITS);
    const limitFile = version === 2 ? "memory.max" : "memory.limit_in_bytes";
    assert.equal(await readFile(path.join(root, "g/1", limitFile), "utf8"), "134217728");
    const mb = 1024 * 1024;
    await put(version === 2 ? "memory.current" : "memory.usage_in_bytes", `${50 * mb}\n`);
    await put(version === 2 ? "memory.peak" : "memory.max_usage_in_bytes", `${90 * mb}\n`);
    const prefix = version === 2 ? "" : "total_";
    await put("memory.stat", `${prefix}active_file ${4 * mb}\n${prefix}inactive_file ${6 * mb}\n`);
    await put(version === 2 ? "cpu.stat" : "cpuacct.usage", version === 2 ? "usage_usec 7\n" : "7000\n");
    await put("pids.current", "3\n");
    assert.deepEqual(await cgroup.use(), {
      memoryBytes: 40 * mb,
      peakMemoryBytes: 80 * mb,
      cpuNs: 7000,
      pids: 2,
    });
    assert.equal(cgroup.oomKills(), 0);
    await put(version === 2 ? "memory.events" : "memory.oom_control", "under_oom 0\noom_kill 2\n");
    assert.equal(cgroup.oomKills(), 2);
    await rm(root, { recursive: true });
  });
}

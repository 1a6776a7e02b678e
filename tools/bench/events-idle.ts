import type { Bench } from "./bench.ts";
import { ACCOUNT, callJson, createMapping, createQueue, REGION } from "./events-client.ts";
import { NODE_ECHO } from "./functions.ts";
import { createFunction, startLambent } from "./lambent.ts";
import { cpuUs, rssMb, stop } from "./processes.ts";

const MAPPINGS = 100;
const RULES = 1000;
const SECONDS = 20;
const BAR_PERCENT = 2;

/** What a server uses that waits for 100 queues and 1,000 times of day: all its threads and processes. */
export async function idleSources(bench: Bench): Promise<void> {
  const server = await startLambent(bench.launcher, undefined, ["--pool", "0"]);
  const FunctionName = "idle-sources";
  await createFunction(server, FunctionName, NODE_ECHO);
  for (let index = 0; index < MAPPINGS; index += 10) {
    await Promise.all(
      Array.from({ length: 10 }, async (_, more) => {
        const name = `idle-${String(index + more)}`;
        await createQueue(server, name);
        await createMapping(server, {
          FunctionName,
          EventSourceArn: `arn:aws:sqs:${REGION}:${ACCOUNT}:${name}`,
        });
      }),
    );
  }
  // Twelve hours from now, so that none is due while this measures.
  const hour = (new Date().getUTCHours() + 12) % 24;
  for (let index = 0; index < RULES; index += 10) {
    await Promise.all(
      Array.from({ length: 10 }, async (_, more) => {
        const Name = `idle-${String(index + more)}`;
        const ScheduleExpression = `cron(${String((index + more) % 60)} ${String(hour)} * * ? *)`;
        await callJson(server, "events", "PutRule", { Name, ScheduleExpression });
        const Arn = `arn:aws:lambda:${REGION}:${ACCOUNT}:function:${FunctionName}`;
        await callJson(server, "events", "PutTargets", { Rule: Name, Targets: [{ Id: "function", Arn }] });
      }),
    );
  }
  await new Promise((resolve) => setTimeout(resolve, 3000));
  const before = cpuUs(server.serverPid);
  await new Promise((resolve) => setTimeout(resolve, SECONDS * 1000));
  const percent = (cpuUs(server.serverPid) - before) / (SECONDS * 1e4);
  bench.row(
    `idle cost of ${String(MAPPINGS)} mappings and ${String(RULES)} cron rules`,
    `${percent.toFixed(2)} % of a core (${rssMb(server.serverPid).toFixed(0)} MB)`,
    `<= ${String(BAR_PERCENT)} %`,
    percent <= BAR_PERCENT,
  );
  await stop(server.child);
}

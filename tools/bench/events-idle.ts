import type { Bench } from "./bench.ts";
import { openConnection } from "./connection.ts";
import { ACCOUNT, createMapping, createQueue, jsonRequest, REGION } from "./events-client.ts";
import { NODE_ECHO } from "./functions.ts";
import { createFunction, startLambent } from "./lambent.ts";
import { cpuUs, rssMb, stop } from "./processes.ts";

const MAPPINGS = 100;
const RULES = 1000;
const REGIONS = [REGION, "us-west-2", "eu-west-1", "eu-north-1"];
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
  const connection = await openConnection(server.port);
  const ask = async (operation: string, input: object, region: string): Promise<void> => {
    const { status } = await connection.ask(jsonRequest(server, "events", operation, input, region));
    if (status !== 200) throw new Error(`${operation} was answered with ${String(status)}`);
  };
  // Twelve hours from now, so that none is due while this measures.
  const hour = (new Date().getUTCHours() + 12) % 24;
  for (let index = 0; index < RULES; index += 1) {
    // A bus has 300 rules, as on AWS.
    const region = REGIONS[index % REGIONS.length] ?? REGION;
    const Rule = `idle-${String(index)}`;
    const ScheduleExpression = `cron(${String(index % 60)} ${String(hour)} * * ? *)`;
    await ask("PutRule", { Name: Rule, ScheduleExpression }, region);
    const Arn = `arn:aws:sqs:${region}:${ACCOUNT}:idle-0`;
    await ask("PutTargets", { Rule, Targets: [{ Id: "queue", Arn }] }, region);
  }
  connection.close();
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

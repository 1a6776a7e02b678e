/**
 * Servers written in Java that Lambent is measured beside. Maven fetches them; where there is no `mvn` or
 * no `java`, what they would be measured for is not.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ChildProcess } from "node:child_process";
import { freePort, start, until } from "./processes.ts";

export interface JavaPeer {
  readonly child: ChildProcess;
  readonly port: number;
}

/** A folder with the jars of one artifact and of all it depends on. Kept: the next run finds it. */
function jars(group: string, artifact: string, version: string): string {
  const folder = join(tmpdir(), "lambent-bench-jars", `${artifact}-${version}`);
  if (existsSync(join(folder, "complete"))) return folder;
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    join(folder, "pom.xml"),
    `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
  <groupId>lambent</groupId><artifactId>bench</artifactId><version>1</version>
  <dependencies><dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version></dependency></dependencies>
</project>
`,
  );
  execFileSync(
    "mvn",
    ["-q", "-B", "dependency:copy-dependencies", "-DincludeScope=runtime", `-DoutputDirectory=${folder}`],
    { cwd: folder, stdio: "ignore", timeout: 300_000 },
  );
  writeFileSync(join(folder, "complete"), "");
  return folder;
}

/** Queues and messages in an H2 file, as its README sets persistence up. */
export async function elasticmq(): Promise<JavaPeer> {
  const folder = jars("org.elasticmq", "elasticmq-server_2.13", "1.6.11");
  const data = mkdtempSync(join(tmpdir(), "peer-elasticmq-"));
  const port = await freePort();
  const config = join(data, "elasticmq.conf");
  writeFileSync(
    config,
    `include classpath("application.conf")
node-address { protocol = http, host = "127.0.0.1", port = ${String(port)}, context-path = "" }
rest-sqs { enabled = true, bind-port = ${String(port)}, bind-hostname = "127.0.0.1", sqs-limits = strict }
rest-stats { enabled = false }
queues-storage { enabled = true, path = "${join(data, "queues.conf")}" }
messages-storage { enabled = true, uri = "jdbc:h2:${join(data, "messages")}" }
`,
  );
  const child = start("java", [
    `-Dconfig.file=${config}`,
    "-cp",
    join(folder, "*"),
    "org.elasticmq.server.Main",
  ]);
  await until(
    "ElasticMQ",
    async () => (await fetch(`http://127.0.0.1:${String(port)}/?Action=ListQueues`)).ok,
  );
  return { child, port };
}

/** With its tables in a file. */
export async function dynamodbLocal(): Promise<JavaPeer> {
  const folder = jars("com.amazonaws", "DynamoDBLocal", "2.6.1");
  const port = await freePort();
  const child = start("java", [
    `-Djava.library.path=${folder}`,
    "-cp",
    join(folder, "*"),
    "com.amazonaws.services.dynamodbv2.local.main.ServerRunner",
    "-dbPath",
    mkdtempSync(join(tmpdir(), "peer-dynamodb-")),
    "-sharedDb",
    "-disableTelemetry",
    "-port",
    String(port),
  ]);
  await until("DynamoDB Local", async () => (await fetch(`http://127.0.0.1:${String(port)}`)).status > 0);
  return { child, port };
}

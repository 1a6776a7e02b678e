/**
 * Writes `src/aws/model/generated/`: one table a service, and the list of them. Run by
 * `npm run generate`; needs Python with pip and the network, which neither the build nor the
 * product does. `--botocore DIR` uses (or fills) a folder of your choice.
 *
 * Everything comes from botocore's models, which alone hold bindings and constraints in one place;
 * the SDK's schemas add what botocore leaves out: XML roots, names of older query protocols. The round-trip test then sets the SDK's own clients
 * against the tables, so that the two sources check each other.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import type { ProtocolId, ServiceTable } from "../../src/aws/model/table.ts";
import { installBotocore, readModel, type SourceModel } from "./botocore.ts";
import { tableOf } from "./rows.ts";
import { readSdkNames } from "./sdk-names.ts";

const TARGET = "src/aws/model/generated";

/** Key of the table (as botocore names the service) -> SDK package; protocols beyond the listed. */
const SERVICES: readonly {
  name: string;
  client: string;
  also?: readonly ProtocolId[];
  xmlNamespace?: string;
  /** Shapes that botocore types otherwise than AWS's model (and so the SDK) does. */
  retype?: Readonly<Record<string, string>>;
}[] = [
  { name: "cloudwatch", client: "cloudwatch" },
  { name: "dynamodb", client: "dynamodb" },
  { name: "dynamodbstreams", client: "dynamodb-streams" },
  { name: "events", client: "eventbridge" },
  { name: "iam", client: "iam" },
  { name: "lambda", client: "lambda" },
  { name: "logs", client: "cloudwatch-logs" },
  {
    name: "s3",
    client: "s3",
    xmlNamespace: "http://s3.amazonaws.com/doc/2006-03-01/",
    retype: { PartNumberMarker: "string", NextPartNumberMarker: "string", Expires: "timestamp" },
  },
  { name: "sns", client: "sns" },
  {
    name: "sqs",
    client: "sqs",
    also: ["awsQuery"],
    xmlNamespace: "http://queue.amazonaws.com/doc/2012-11-05/",
  },
  { name: "sts", client: "sts" },
];

/** Our client prefers the protocol that is cheapest to read, so CBOR comes last. */
const PREFERENCE: readonly ProtocolId[] = [
  "restJson1",
  "restXml",
  "awsJson1_0",
  "awsJson1_1",
  "awsQuery",
  "rpcv2Cbor",
];

function protocolsOf(model: SourceModel, also: readonly ProtocolId[]): ProtocolId[] {
  const names: Readonly<Record<string, ProtocolId>> = {
    "rest-json": "restJson1",
    "rest-xml": "restXml",
    json: model.metadata.jsonVersion === "1.1" ? "awsJson1_1" : "awsJson1_0",
    query: "awsQuery",
    "smithy-rpc-v2-cbor": "rpcv2Cbor",
  };
  const listed = model.metadata.protocols ?? [model.metadata.protocol];
  const served = new Set<ProtocolId>(also);
  for (const name of listed) {
    const protocol = names[name];
    if (protocol !== undefined) served.add(protocol);
  }
  return PREFERENCE.filter((protocol) => served.has(protocol));
}

function retyped(model: SourceModel, types: Readonly<Record<string, string>>): SourceModel {
  const shapes = { ...model.shapes };
  for (const [name, type] of Object.entries(types)) shapes[name] = { type };
  return { ...model, shapes };
}

/** One line a row, so that a regenerated table can be reviewed. */
function rows(record: Readonly<Record<string, unknown>>): string {
  return Object.entries(record)
    .map(([name, row]) => `${JSON.stringify(name)}:${JSON.stringify(row)},`)
    .join("\n");
}

function tableFile(table: ServiceTable): string {
  return [
    `// Written by "npm run generate". Do not edit: see overrides.ts.`,
    `import type { ServiceTable } from "../table.ts";`,
    `export const table: ServiceTable = {`,
    `operations: {`,
    rows(table.operations),
    `},`,
    `shapes: {`,
    rows(table.shapes),
    `}};`,
    "",
  ].join("\n");
}

function indexEntry({ name, also, xmlNamespace }: (typeof SERVICES)[number], model: SourceModel): string {
  const { metadata } = model;
  const row = {
    name,
    title: metadata.serviceFullName,
    apiVersion: metadata.apiVersion,
    signingName: metadata.signingName ?? metadata.endpointPrefix,
    endpointPrefix: metadata.endpointPrefix,
    protocols: protocolsOf(model, also ?? []),
    targetPrefix: metadata.targetPrefix,
    xmlNamespace: xmlNamespace ?? metadata.xmlNamespace,
    queryCompatible: metadata.awsQueryCompatible === undefined ? undefined : true,
  };
  const fields = JSON.stringify(row).slice(1, -1);
  return `{${fields},"load": async () => (await import("./${name}.ts")).table},`;
}

const { values } = parseArgs({ options: { botocore: { type: "string" } } });
const data = installBotocore(values.botocore ?? join(tmpdir(), "lambent-botocore"));
mkdirSync(TARGET, { recursive: true });
const entries: string[] = [];
for (const service of SERVICES) {
  const { name, client } = service;
  const model = retyped(readModel(data, name), service.retype ?? {});
  const names = await readSdkNames(client);
  const file = tableFile(tableOf(model, names));
  writeFileSync(join(TARGET, `${name}.ts`), file);
  entries.push(indexEntry(service, model));
  process.stdout.write(`${name}: ${(file.length / 1024).toFixed(0)} KiB\n`);
}
writeFileSync(
  join(TARGET, "index.ts"),
  [
    `// Written by "npm run generate". Do not edit: see overrides.ts.`,
    `import type { ServiceRow } from "../table.ts";`,
    `export const SERVICE_ROWS: readonly ServiceRow[] = [`,
    ...entries,
    `];`,
    "",
  ].join("\n"),
);

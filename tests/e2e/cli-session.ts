/** One generation of the AWS CLI at work on one server: commands as they are typed, answers as values. */
import assert from "node:assert/strict";
import { CreateRoleCommand, IAMClient, PutRolePolicyCommand } from "@aws-sdk/client-iam";
import { settings, words, type AwsCli } from "./aws-cli.ts";
import type { Ran, RunningServer } from "./server.ts";

// Answers are looked at as JSON: what is asserted says what they are.
// oxlint-disable-next-line typescript/no-explicit-any
export type Answer = any;

export interface CliSession {
  /** Splits `command` at spaces; whatever needs quotes follows as arguments of its own. */
  run(command: string, ...more: readonly string[]): Promise<Ran>;
  /** The parsed answer; the text where it is none of JSON. The command must succeed. */
  ok(command: string, ...more: readonly string[]): Promise<Answer>;
  /** The command must fail, and say so. */
  refused(sentence: RegExp, command: string, ...more: readonly string[]): Promise<void>;
}

export function cliSession(cli: AwsCli, server: RunningServer, folder: string): CliSession {
  const run: CliSession["run"] = (command, ...more) => cli.run(server, folder, [...words(command), ...more]);
  return {
    run,
    async ok(command, ...more) {
      const ran = await run(command, ...more);
      assert.equal(ran.code, 0, `aws ${command} ${more.join(" ")}\n${ran.stderr}${ran.stdout}`);
      const text = ran.stdout.trim();
      return text.startsWith("{") || text.startsWith("[") || text.startsWith('"')
        ? (JSON.parse(text) as Answer)
        : ran.stdout;
    },
    async refused(sentence, command, ...more) {
      const ran = await run(command, ...more);
      assert.notEqual(ran.code, 0, `aws ${command} was accepted`);
      assert.match(ran.stderr + ran.stdout, sentence);
    },
  };
}

export const ACCOUNT = "000000000000";
export const arnOf = {
  function: (name: string): string => `arn:aws:lambda:us-east-1:${ACCOUNT}:function:${name}`,
  queue: (name: string): string => `arn:aws:sqs:us-east-1:${ACCOUNT}:${name}`,
  topic: (name: string): string => `arn:aws:sns:us-east-1:${ACCOUNT}:${name}`,
  bus: (name: string): string => `arn:aws:events:us-east-1:${ACCOUNT}:event-bus/${name}`,
  rule: (name: string): string => `arn:aws:events:us-east-1:${ACCOUNT}:rule/${name}`,
  bucket: (name: string): string => `arn:aws:s3:::${name}`,
  role: (name: string): string => `arn:aws:iam::${ACCOUNT}:role/${name}`,
};

const LAMBDA_TRUST = JSON.stringify({
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Principal: { Service: "lambda.amazonaws.com" }, Action: "sts:AssumeRole" }],
});

/** An execution role that may do `actions` on `resource`. Returns its ARN. */
export async function executionRole(
  server: RunningServer,
  RoleName: string,
  actions: readonly string[],
  resource = "*",
): Promise<string> {
  const iam = await iamClient(server);
  await iam.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: LAMBDA_TRUST }));
  iam.destroy();
  await grant(server, RoleName, actions, resource);
  return arnOf.role(RoleName);
}

export async function grant(
  server: RunningServer,
  RoleName: string,
  Action: readonly string[],
  Resource = "*",
): Promise<void> {
  const iam = await iamClient(server);
  const PolicyDocument = JSON.stringify({
    Version: "2012-10-17",
    Statement: [{ Effect: "Allow", Action, Resource }],
  });
  await iam.send(new PutRolePolicyCommand({ RoleName, PolicyName: "may", PolicyDocument }));
  iam.destroy();
}

/** With the key that a shell would have after `lambent env`: of a server that enforces policies, the account's. */
export async function configOf(server: RunningServer): Promise<{
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
}> {
  const set = await settings(server);
  return {
    endpoint: server.endpoint,
    region: set["AWS_REGION"] ?? "",
    credentials: {
      accessKeyId: set["AWS_ACCESS_KEY_ID"] ?? "",
      secretAccessKey: set["AWS_SECRET_ACCESS_KEY"] ?? "",
    },
  };
}

async function iamClient(server: RunningServer): Promise<IAMClient> {
  return new IAMClient(await configOf(server));
}

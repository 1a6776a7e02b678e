/** What PutTargets takes: pure. https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-targets.html */
import * as errors from "./errors.ts";
import type { Target } from "./model.ts";
import { parseBusArn } from "./names.ts";
import { compileTransform } from "./transform.ts";

const ARN = /^arn:[\w-]+:[\w-]+:[\w-]*:[\w-]*:[\w+=/,.@\-:*$]+$/u;

/** By the service in the ARN, and what must follow. */
const SERVED: readonly (readonly [service: string, resource: RegExp])[] = [
  ["lambda", /^function:/u],
  ["sqs", /^[^:]+$/u],
  ["sns", /^[^:]+$/u],
  ["logs", /^log-group:/u],
  ["events", /^event-bus\//u],
];

const UNSERVED_MEMBERS = [
  "KinesisParameters",
  "RunCommandParameters",
  "EcsParameters",
  "BatchParameters",
  "HttpParameters",
  "RedshiftDataParameters",
  "SageMakerPipelineParameters",
  "AppSyncParameters",
] as const;

type TargetInput = Readonly<Record<string, unknown>> & {
  readonly Id?: string | undefined;
  readonly Arn?: string | undefined;
};

/** Errors: ValidationException; NotImplemented for what only AWS has. */
export function targetFrom(input: TargetInput): Target {
  const { Id: id = "", Arn: arn = "" } = input;
  if (!ARN.test(arn)) {
    throw errors.validation(`Parameter ${arn} is not valid. Reason: Provided Arn is not in correct format.`);
  }
  const [, , service = "", , , ...rest] = arn.split(":");
  const resource = rest.join(":");
  if (!SERVED.some(([name, form]) => name === service && form.test(resource))) {
    throw errors.notServed(
      `the target ${arn}`,
      "targets are Lambda functions, SQS queues, SNS topics, log groups and event buses",
    );
  }
  for (const member of UNSERVED_MEMBERS) {
    if (input[member] !== undefined) throw errors.notServed(`${member} of target ${id}`);
  }
  const target = pick(input) as unknown as Target;
  if (service === "sqs" && arn.endsWith(".fifo") && target.SqsParameters?.MessageGroupId === undefined) {
    throw errors.validation(`Parameter(s) SqsParameters must be specified for target: ${id}.`);
  }
  const deadLetter = target.DeadLetterConfig?.Arn;
  if (deadLetter !== undefined && !/^arn:aws[\w-]*:sqs:[\w-]+:\d{12}:[\w-]+$/u.test(deadLetter)) {
    throw errors.validation(
      `Parameter ${deadLetter} is not valid. Reason: Provided Arn is not in correct format.`,
      "a dead-letter queue is a standard queue",
    );
  }
  if (parseBusArn(arn) !== undefined && hasInput(target)) {
    throw errors.validation(`Modifying the input for target ${id} is not supported`);
  }
  compileTransform(target);
  return target;
}

const hasInput = ({ Input, InputPath, InputTransformer }: Target): boolean =>
  [Input, InputPath, InputTransformer].some((one) => one !== undefined);

const SERVED_MEMBERS = [
  "Id",
  "Arn",
  "RoleArn",
  "Input",
  "InputPath",
  "InputTransformer",
  "SqsParameters",
  "DeadLetterConfig",
  "RetryPolicy",
] as const;

function pick(input: TargetInput): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    SERVED_MEMBERS.filter((name) => (input[name] ?? undefined) !== undefined).map((name) => [
      name,
      input[name],
    ]),
  );
}

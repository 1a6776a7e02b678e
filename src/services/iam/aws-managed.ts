/**
 * Those of AWS's managed policies that functions commonly use, with what they allow.
 * https://docs.aws.amazon.com/aws-managed-policy/latest/reference/policy-list.html
 */
import { createHash } from "node:crypto";
import { base32 } from "../../kernel/unique-id.ts";
import { AWS_OWNED, type ManagedPolicy, policyArn } from "./model.ts";

export interface AwsManagedPolicy extends ManagedPolicy {
  readonly document: string;
}

type Source = readonly [
  path: string,
  name: string,
  version: number,
  actions: readonly string[],
  resource?: string,
];

const LOGS = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"];
const SERVICE = "/service-role/";

/** Policies of one statement that allows `actions` on `resource` (default `*`). */
const SIMPLE: readonly Source[] = [
  [SERVICE, "AWSLambdaBasicExecutionRole", 1, LOGS],
  [
    SERVICE,
    "AWSLambdaSQSQueueExecutionRole",
    1,
    ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", ...LOGS],
  ],
  [
    SERVICE,
    "AWSLambdaDynamoDBExecutionRole",
    1,
    [
      "dynamodb:DescribeStream",
      "dynamodb:GetRecords",
      "dynamodb:GetShardIterator",
      "dynamodb:ListStreams",
      ...LOGS,
    ],
  ],
  [
    SERVICE,
    "AWSLambdaKinesisExecutionRole",
    1,
    [
      "kinesis:DescribeStream",
      "kinesis:DescribeStreamSummary",
      "kinesis:GetRecords",
      "kinesis:GetShardIterator",
      "kinesis:ListShards",
      "kinesis:ListStreams",
      "kinesis:SubscribeToShard",
      ...LOGS,
    ],
  ],
  [
    SERVICE,
    "AWSLambdaMSKExecutionRole",
    1,
    [
      "kafka:DescribeCluster",
      "kafka:DescribeClusterV2",
      "kafka:GetBootstrapBrokers",
      "ec2:CreateNetworkInterface",
      "ec2:DescribeNetworkInterfaces",
      "ec2:DescribeVpcs",
      "ec2:DeleteNetworkInterface",
      "ec2:DescribeSubnets",
      "ec2:DescribeSecurityGroups",
      ...LOGS,
    ],
  ],
  [SERVICE, "AWSLambdaRole", 1, ["lambda:InvokeFunction"]],
  [
    SERVICE,
    "AmazonAPIGatewayPushToCloudWatchLogs",
    1,
    [
      "logs:CreateLogGroup",
      "logs:CreateLogStream",
      "logs:DescribeLogGroups",
      "logs:DescribeLogStreams",
      "logs:PutLogEvents",
      "logs:GetLogEvents",
      "logs:FilterLogEvents",
    ],
  ],
  ["/", "AdministratorAccess", 1, ["*"]],
  [
    "/",
    "IAMFullAccess",
    2,
    [
      "iam:*",
      "organizations:DescribeAccount",
      "organizations:DescribeOrganization",
      "organizations:DescribeOrganizationalUnit",
      "organizations:DescribePolicy",
      "organizations:ListChildren",
      "organizations:ListParents",
      "organizations:ListPoliciesForTarget",
      "organizations:ListRoots",
      "organizations:ListPolicies",
      "organizations:ListTargetsForPolicy",
    ],
  ],
  ["/", "AmazonS3FullAccess", 2, ["s3:*", "s3-object-lambda:*"]],
  [
    "/",
    "AmazonS3ReadOnlyAccess",
    3,
    ["s3:Get*", "s3:List*", "s3:Describe*", "s3-object-lambda:Get*", "s3-object-lambda:List*"],
  ],
  ["/", "AmazonSQSFullAccess", 1, ["sqs:*"]],
  [
    "/",
    "AmazonSQSReadOnlyAccess",
    1,
    [
      "sqs:GetQueueAttributes",
      "sqs:GetQueueUrl",
      "sqs:ListDeadLetterSourceQueues",
      "sqs:ListQueues",
      "sqs:ListMessageMoveTasks",
      "sqs:ListQueueTags",
    ],
  ],
  ["/", "AmazonSNSFullAccess", 1, ["sns:*"]],
  [
    "/",
    "AmazonSNSReadOnlyAccess",
    1,
    [
      "sns:GetTopicAttributes",
      "sns:List*",
      "sns:CheckIfPhoneNumberIsOptedOut",
      "sns:GetEndpointAttributes",
      "sns:GetDataProtectionPolicy",
      "sns:GetPlatformApplicationAttributes",
      "sns:GetSMSAttributes",
      "sns:GetSMSSandboxAccountStatus",
      "sns:GetSubscriptionAttributes",
    ],
  ],
  ["/", "AmazonKinesisFullAccess", 1, ["kinesis:*"]],
  ["/", "AmazonKinesisReadOnlyAccess", 1, ["kinesis:Get*", "kinesis:List*", "kinesis:Describe*"]],
  [
    "/",
    "AmazonAPIGatewayInvokeFullAccess",
    1,
    ["execute-api:Invoke", "execute-api:ManageConnections"],
    "arn:aws:execute-api:*:*:*",
  ],
  ["/", "CloudWatchLogsFullAccess", 1, ["logs:*"]],
  [
    "/",
    "AWSXrayWriteOnlyAccess",
    1,
    [
      "xray:PutTraceSegments",
      "xray:PutTelemetryRecords",
      "xray:GetSamplingRules",
      "xray:GetSamplingTargets",
      "xray:GetSamplingStatisticSummaries",
    ],
  ],
  [
    "/",
    "AWSXRayDaemonWriteAccess",
    1,
    [
      "xray:PutTraceSegments",
      "xray:PutTelemetryRecords",
      "xray:GetSamplingRules",
      "xray:GetSamplingTargets",
      "xray:GetSamplingStatisticSummaries",
    ],
  ],
];

interface Full {
  readonly path: string;
  readonly name: string;
  readonly version: number;
  readonly statements: readonly object[];
}

/** Policies of more than one statement. */
const FULL: readonly Full[] = [
  {
    path: SERVICE,
    name: "AWSLambdaVPCAccessExecutionRole",
    version: 3,
    statements: [
      {
        Sid: "AWSLambdaVPCAccessExecutionPermissions",
        Effect: "Allow",
        Action: [
          ...LOGS,
          "ec2:CreateNetworkInterface",
          "ec2:DescribeNetworkInterfaces",
          "ec2:DescribeSubnets",
          "ec2:DeleteNetworkInterface",
          "ec2:AssignPrivateIpAddresses",
          "ec2:UnassignPrivateIpAddresses",
        ],
        Resource: "*",
      },
    ],
  },
  {
    path: "/",
    name: "PowerUserAccess",
    version: 5,
    statements: [
      { Effect: "Allow", NotAction: ["iam:*", "organizations:*", "account:*"], Resource: "*" },
      {
        Effect: "Allow",
        Action: [
          "account:GetAccountInformation",
          "account:GetPrimaryEmail",
          "account:ListRegions",
          "iam:CreateServiceLinkedRole",
          "iam:DeleteServiceLinkedRole",
          "iam:ListRoles",
          "organizations:DescribeOrganization",
        ],
        Resource: "*",
      },
    ],
  },
  {
    path: "/",
    name: "AWSLambda_FullAccess",
    version: 3,
    statements: [
      {
        Effect: "Allow",
        Action: [
          "cloudformation:DescribeStacks",
          "cloudformation:ListStackResources",
          "cloudwatch:ListMetrics",
          "cloudwatch:GetMetricData",
          "ec2:DescribeSecurityGroups",
          "ec2:DescribeSubnets",
          "ec2:DescribeVpcs",
          "kms:DescribeKey",
          "kms:ListAliases",
          "iam:GetPolicy",
          "iam:GetPolicyVersion",
          "iam:GetRole",
          "iam:GetRolePolicy",
          "iam:ListAttachedRolePolicies",
          "iam:ListRolePolicies",
          "iam:ListRoles",
          "lambda:*",
          "logs:DescribeLogGroups",
          "states:DescribeStateMachine",
          "states:ListStateMachines",
          "tag:GetResources",
          "xray:GetTraceSummaries",
          "xray:BatchGetTraces",
        ],
        Resource: "*",
      },
      {
        Effect: "Allow",
        Action: "iam:PassRole",
        Resource: "*",
        Condition: { StringEquals: { "iam:PassedToService": "lambda.amazonaws.com" } },
      },
      {
        Effect: "Allow",
        Action: [
          "logs:DescribeLogStreams",
          "logs:GetLogEvents",
          "logs:FilterLogEvents",
          "logs:StartLiveTail",
          "logs:StopLiveTail",
        ],
        Resource: "arn:aws:logs:*:*:log-group:/aws/lambda/*",
      },
      {
        Effect: "Allow",
        Action: "iam:CreateServiceLinkedRole",
        Resource: "arn:aws:iam::*:role/aws-service-role/lambda.amazonaws.com/AWSServiceRoleForLambda",
        Condition: { StringEquals: { "iam:AWSServiceName": "lambda.amazonaws.com" } },
      },
    ],
  },
  {
    path: "/",
    name: "AWSLambdaExecute",
    version: 1,
    statements: [
      { Effect: "Allow", Action: ["logs:*"], Resource: "arn:aws:logs:*:*:*" },
      { Effect: "Allow", Action: ["s3:GetObject", "s3:PutObject"], Resource: "arn:aws:s3:::*" },
    ],
  },
  {
    path: "/",
    name: "CloudWatchLambdaInsightsExecutionRolePolicy",
    version: 1,
    statements: [
      { Effect: "Allow", Action: "logs:CreateLogGroup", Resource: "*" },
      {
        Effect: "Allow",
        Action: ["logs:CreateLogStream", "logs:PutLogEvents"],
        Resource: "arn:aws:logs:*:*:log-group:/aws/lambda-insights:*",
      },
    ],
  },
];

/** AWS made its first managed policies on this day; the exact days of all are of no use here. */
const CREATED_AT = Date.UTC(2015, 1, 6, 18, 40, 0);

function make({ path, name, version, statements }: Full): AwsManagedPolicy {
  const base = { accountId: AWS_OWNED, path, name };
  const id = `ANPA${base32(createHash("sha256").update(policyArn(base)).digest()).slice(0, 17)}`;
  const document = JSON.stringify({ Version: "2012-10-17", Statement: statements });
  const times = { createdAt: CREATED_AT, updatedAt: CREATED_AT };
  return {
    ...base,
    ...times,
    id,
    description: undefined,
    defaultVersion: version,
    nextVersion: version + 1,
    document,
  };
}

function simple([path, name, version, actions, resource = "*"]: Source): Full {
  const action = actions.length === 1 ? actions[0] : actions;
  return { path, name, version, statements: [{ Effect: "Allow", Action: action, Resource: resource }] };
}

/** By ARN, sorted by name. */
export const AWS_MANAGED: ReadonlyMap<string, AwsManagedPolicy> = new Map(
  [...SIMPLE.map(simple), ...FULL]
    .map(make)
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map((policy) => [policyArn(policy), policy]),
);

/** What functions' and other services' roles are given. */
import { allow, policy, serviceRole, type Source } from "./source.ts";

const LOGS = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"];
const READ_STREAM = [
  "dynamodb:DescribeStream",
  "dynamodb:GetRecords",
  "dynamodb:GetShardIterator",
  "dynamodb:ListStreams",
];
const TRACE = [
  "xray:PutTraceSegments",
  "xray:PutTelemetryRecords",
  "xray:GetSamplingRules",
  "xray:GetSamplingTargets",
  "xray:GetSamplingStatisticSummaries",
];

export const ROLES: readonly Source[] = [
  serviceRole("AWSLambdaBasicExecutionRole", 1, allow(LOGS)),
  serviceRole(
    "AWSLambdaBasicDurableExecutionRolePolicy",
    1,
    allow([...LOGS, "lambda:CheckpointDurableExecution", "lambda:GetDurableExecutionState"]),
  ),
  serviceRole(
    "AWSLambdaSQSQueueExecutionRole",
    1,
    allow(["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", ...LOGS]),
  ),
  serviceRole("AWSLambdaDynamoDBExecutionRole", 1, allow([...READ_STREAM, ...LOGS])),
  serviceRole(
    "AWSLambdaKinesisExecutionRole",
    2,
    allow([
      "kinesis:DescribeStream",
      "kinesis:DescribeStreamSummary",
      "kinesis:GetRecords",
      "kinesis:GetShardIterator",
      "kinesis:ListShards",
      "kinesis:ListStreams",
      "kinesis:SubscribeToShard",
      ...LOGS,
    ]),
  ),
  serviceRole(
    "AWSLambdaMSKExecutionRole",
    2,
    allow([
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
    ]),
  ),
  serviceRole(
    "AWSLambdaVPCAccessExecutionRole",
    3,
    allow(
      [
        ...LOGS,
        "ec2:CreateNetworkInterface",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSubnets",
        "ec2:DeleteNetworkInterface",
        "ec2:AssignPrivateIpAddresses",
        "ec2:UnassignPrivateIpAddresses",
      ],
      "*",
      { sid: "AWSLambdaVPCAccessExecutionPermissions" },
    ),
  ),
  serviceRole("AWSLambdaRole", 1, allow(["lambda:InvokeFunction"], ["*"])),
  policy("AWSLambdaInvocation-DynamoDB", 1, allow(["lambda:InvokeFunction"]), allow(READ_STREAM)),
  policy(
    "AWSLambdaExecute",
    1,
    allow(["logs:*"], "arn:aws:logs:*:*:*"),
    allow(["s3:GetObject", "s3:PutObject"], "arn:aws:s3:::*"),
  ),
  serviceRole(
    "AmazonS3ObjectLambdaExecutionRolePolicy",
    1,
    allow([...LOGS, "s3-object-lambda:WriteGetObjectResponse"]),
  ),
  serviceRole(
    "AmazonAPIGatewayPushToCloudWatchLogs",
    1,
    allow([
      "logs:CreateLogGroup",
      "logs:CreateLogStream",
      "logs:DescribeLogGroups",
      "logs:DescribeLogStreams",
      "logs:PutLogEvents",
      "logs:GetLogEvents",
      "logs:FilterLogEvents",
    ]),
  ),
  serviceRole(
    "AmazonECSTaskExecutionRolePolicy",
    1,
    allow([
      "ecr:GetAuthorizationToken",
      "ecr:BatchCheckLayerAvailability",
      "ecr:GetDownloadUrlForLayer",
      "ecr:BatchGetImage",
      "logs:CreateLogStream",
      "logs:PutLogEvents",
    ]),
  ),
  policy(
    "CloudWatchLambdaInsightsExecutionRolePolicy",
    1,
    allow("logs:CreateLogGroup"),
    allow(["logs:CreateLogStream", "logs:PutLogEvents"], "arn:aws:logs:*:*:log-group:/aws/lambda-insights:*"),
  ),
  policy("AWSXrayWriteOnlyAccess", 2, allow(TRACE, ["*"])),
  policy("AWSXRayDaemonWriteAccess", 2, allow(TRACE, ["*"], { sid: "AWSXRayDaemonWriteAccess" })),
  policy(
    "CloudWatchAgentServerPolicy",
    3,
    allow(
      [
        "cloudwatch:PutMetricData",
        "ec2:DescribeVolumes",
        "ec2:DescribeTags",
        "logs:PutLogEvents",
        "logs:PutRetentionPolicy",
        "logs:DescribeLogStreams",
        "logs:DescribeLogGroups",
        "logs:CreateLogStream",
        "logs:CreateLogGroup",
        ...TRACE,
      ],
      "*",
      { sid: "CWACloudWatchServerPermissions" },
    ),
    allow(["ssm:GetParameter"], "arn:aws:ssm:*:*:parameter/AmazonCloudWatch-*", {
      sid: "CWASSMServerPermissions",
    }),
  ),
];

/** Functions, and what calls them. */
import { allow, linkedTo, policy, type Source } from "./source.ts";

/** What the console of functions looks at beside them. */
const BESIDE_FUNCTIONS = [
  "iam:GetPolicy",
  "iam:GetPolicyVersion",
  "iam:GetRole",
  "iam:GetRolePolicy",
  "iam:ListAttachedRolePolicies",
  "iam:ListRolePolicies",
  "iam:ListRoles",
];
const FUNCTION_LOGS = "arn:aws:logs:*:*:log-group:/aws/lambda/*";

export const FUNCTIONS: readonly Source[] = [
  policy(
    "AWSLambda_FullAccess",
    5,
    allow([
      "cloudformation:DescribeStacks",
      "cloudformation:ListStackResources",
      "cloudwatch:ListMetrics",
      "cloudwatch:GetMetricData",
      "ec2:DescribeSecurityGroups",
      "ec2:DescribeSubnets",
      "ec2:DescribeVpcs",
      "kms:DescribeKey",
      "kms:ListAliases",
      ...BESIDE_FUNCTIONS,
      "lambda:*",
      "logs:DescribeLogGroups",
      "states:DescribeStateMachine",
      "states:ListStateMachines",
      "tag:GetResources",
      "xray:GetTraceSummaries",
      "xray:BatchGetTraces",
    ]),
    allow("iam:PassRole", "*", {
      condition: { StringEquals: { "iam:PassedToService": "lambda.amazonaws.com" } },
    }),
    allow(
      [
        "logs:DescribeLogStreams",
        "logs:GetLogEvents",
        "logs:FilterLogEvents",
        "logs:StartLiveTail",
        "logs:StopLiveTail",
      ],
      FUNCTION_LOGS,
    ),
    allow(
      "iam:CreateServiceLinkedRole",
      "arn:aws:iam::*:role/aws-service-role/lambda.amazonaws.com/AWSServiceRoleForLambda",
      { condition: linkedTo("StringEquals", "lambda.amazonaws.com") },
    ),
  ),
  policy(
    "AWSLambda_ReadOnlyAccess",
    2,
    allow([
      "cloudformation:DescribeStacks",
      "cloudformation:ListStacks",
      "cloudformation:ListStackResources",
      "cloudwatch:GetMetricData",
      "cloudwatch:ListMetrics",
      "ec2:DescribeSecurityGroups",
      "ec2:DescribeSubnets",
      "ec2:DescribeVpcs",
      "kms:ListAliases",
      ...BESIDE_FUNCTIONS,
      "logs:DescribeLogGroups",
      "lambda:Get*",
      "lambda:List*",
      "states:DescribeStateMachine",
      "states:ListStateMachines",
      "tag:GetResources",
      "xray:GetTraceSummaries",
      "xray:BatchGetTraces",
    ]),
    allow(
      [
        "logs:DescribeLogStreams",
        "logs:GetLogEvents",
        "logs:FilterLogEvents",
        "logs:StartQuery",
        "logs:StopQuery",
        "logs:DescribeQueries",
        "logs:GetLogGroupFields",
        "logs:GetLogRecord",
        "logs:GetQueryResults",
      ],
      FUNCTION_LOGS,
    ),
  ),
  policy("AmazonAPIGatewayAdministrator", 1, allow(["apigateway:*"], "arn:aws:apigateway:*::/*")),
  policy(
    "AmazonAPIGatewayInvokeFullAccess",
    2,
    allow(["execute-api:Invoke", "execute-api:ManageConnections"], "arn:aws:execute-api:*:*:*"),
  ),
  policy("AmazonS3FullAccess", 2, allow(["s3:*", "s3-object-lambda:*"])),
  policy(
    "AmazonS3ReadOnlyAccess",
    3,
    allow(["s3:Get*", "s3:List*", "s3:Describe*", "s3-object-lambda:Get*", "s3-object-lambda:List*"]),
  ),
];

// Written by "npm run generate". Do not edit: see overrides.ts.
import type { ServiceRow } from "../table.ts";
export const SERVICE_ROWS: readonly ServiceRow[] = [
{"name":"cloudwatch","title":"Amazon CloudWatch","apiVersion":"2010-08-01","signingName":"monitoring","endpointPrefix":"monitoring","protocols":["awsJson1_0","awsQuery","rpcv2Cbor"],"targetPrefix":"GraniteServiceVersion20100801","xmlNamespace":"http://monitoring.amazonaws.com/doc/2010-08-01/","queryCompatible":true,"load": async () => (await import("./cloudwatch.ts")).table},
{"name":"dynamodb","title":"Amazon DynamoDB","apiVersion":"2012-08-10","signingName":"dynamodb","endpointPrefix":"dynamodb","protocols":["awsJson1_0"],"targetPrefix":"DynamoDB_20120810","load": async () => (await import("./dynamodb.ts")).table},
{"name":"iam","title":"AWS Identity and Access Management","apiVersion":"2010-05-08","signingName":"iam","endpointPrefix":"iam","protocols":["awsQuery"],"xmlNamespace":"https://iam.amazonaws.com/doc/2010-05-08/","load": async () => (await import("./iam.ts")).table},
{"name":"lambda","title":"AWS Lambda","apiVersion":"2015-03-31","signingName":"lambda","endpointPrefix":"lambda","protocols":["restJson1"],"load": async () => (await import("./lambda.ts")).table},
{"name":"logs","title":"Amazon CloudWatch Logs","apiVersion":"2014-03-28","signingName":"logs","endpointPrefix":"logs","protocols":["awsJson1_1"],"targetPrefix":"Logs_20140328","load": async () => (await import("./logs.ts")).table},
{"name":"s3","title":"Amazon Simple Storage Service","apiVersion":"2006-03-01","signingName":"s3","endpointPrefix":"s3","protocols":["restXml"],"xmlNamespace":"http://s3.amazonaws.com/doc/2006-03-01/","load": async () => (await import("./s3.ts")).table},
{"name":"sns","title":"Amazon Simple Notification Service","apiVersion":"2010-03-31","signingName":"sns","endpointPrefix":"sns","protocols":["awsQuery"],"xmlNamespace":"http://sns.amazonaws.com/doc/2010-03-31/","load": async () => (await import("./sns.ts")).table},
{"name":"sqs","title":"Amazon Simple Queue Service","apiVersion":"2012-11-05","signingName":"sqs","endpointPrefix":"sqs","protocols":["awsJson1_0","awsQuery"],"targetPrefix":"AmazonSQS","queryCompatible":true,"load": async () => (await import("./sqs.ts")).table},
{"name":"sts","title":"AWS Security Token Service","apiVersion":"2011-06-15","signingName":"sts","endpointPrefix":"sts","protocols":["awsQuery"],"xmlNamespace":"https://sts.amazonaws.com/doc/2011-06-15/","load": async () => (await import("./sts.ts")).table},
];

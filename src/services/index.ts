/** The AWS APIs that are served, one line a service, and the tables each of them keeps in state.db. */
import { outboxMigrations } from "../events/outbox/store.ts";
import { asyncMigrations } from "../lambda/async/store.ts";
import { eventSourceMigrations } from "../lambda/event-source/event-sources.ts";
import { lambdaMigrations } from "../lambda/control/control.ts";
import type { Migration } from "../ports/database.ts";
import { migrations as eventsMigrations } from "./events/index.ts";
import { migrations as iamMigrations } from "./iam/index.ts";
import { migrations as logsMigrations } from "./logs/index.ts";
import { migrations as s3Migrations } from "./s3/index.ts";
import { migrations as snsMigrations } from "./sns/index.ts";
import { migrations as stsMigrations } from "./sts/index.ts";

export { createDynamodb, migrations as dynamodbMigrations } from "./dynamodb/index.ts";
export { createDynamodbStreams } from "./dynamodbstreams/index.ts";
export { createEvents } from "./events/index.ts";
export { createIam } from "./iam/index.ts";
export type { EntityPolicies, IamReader } from "./iam/index.ts";
export { createLambdaService } from "./lambda/index.ts";
export { createLogs, dayMigrations, openDayFiles } from "./logs/index.ts";
export { createS3 } from "./s3/index.ts";
export { CERTIFICATE_PATH, createSns } from "./sns/index.ts";
export type { KeptMail } from "./sns/index.ts";
export { createSqs, migrations as sqsMigrations } from "./sqs/index.ts";
export { createSts } from "./sts/index.ts";

/** In the order in which they run on an empty file; new ones are appended. */
export const STATE_MIGRATIONS: readonly Migration[] = [
  ...lambdaMigrations,
  ...asyncMigrations,
  ...iamMigrations,
  ...stsMigrations,
  ...logsMigrations,
  ...outboxMigrations,
  ...s3Migrations,
  ...eventSourceMigrations,
  ...eventsMigrations,
  ...snsMigrations,
];

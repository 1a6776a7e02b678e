/** SMS attributes of an account and region, and what a text message takes from them. */
import type { Scope } from "../../kernel/scope.ts";
import { Conflict, type Database } from "../../ports/database.ts";
import * as errors from "./errors.ts";
import type { Mail } from "./mail.ts";
import type { AttributeMap } from "./message.ts";

type Settings = Readonly<Record<string, string>>;

const CHECKS: ReadonlyMap<string, RegExp> = new Map([
  ["DefaultSMSType", /^(?:Promotional|Transactional)$/u],
  ["DefaultSenderID", /^(?=.*[A-Za-z])[A-Za-z0-9]{1,11}$/u],
  ["MonthlySpendLimit", /^\d{1,9}$/u],
]);
/** Message attributes of one text, which are as the settings are. */
const OF_A_TEXT: Readonly<Record<string, string>> = {
  "AWS.SNS.SMS.SMSType": "DefaultSMSType",
  "AWS.SNS.SMS.SenderID": "DefaultSenderID",
};
const ATTEMPTS = 20;
const UNSUPPORTED = ["DeliveryStatusIAMRole", "DeliveryStatusSuccessSamplingRate", "UsageReportS3Bucket"];

function idOf({ accountId, region }: Scope): string {
  return `sms ${accountId} ${region}`;
}

async function readRow(database: Database, scope: Scope): Promise<string | undefined> {
  const sql = "SELECT body FROM sns_settings WHERE id = ?";
  return (await database.read<{ body: string }>(sql, [idOf(scope)]))[0]?.body;
}

export async function readSettings(database: Database, scope: Scope): Promise<Settings> {
  const body = await readRow(database, scope);
  return body === undefined ? {} : (JSON.parse(body) as Settings);
}

/** Refuses names that no attribute has. */
export function checkNames(names: readonly string[]): void {
  for (const name of names) {
    if (CHECKS.has(name) || UNSUPPORTED.includes(name)) continue;
    throw errors.invalid(`attributes Reason: Invalid key [${name}]`);
  }
}

/** Refuses what AWS refuses, and what nothing here would do. */
export function checkSettings(given: Settings): void {
  checkNames(Object.keys(given));
  for (const [name, value] of Object.entries(given)) {
    if (UNSUPPORTED.includes(name)) {
      throw errors.unsupported(`the attribute ${name}`, "lambent outbox shows every text message");
    }
    if (CHECKS.get(name)?.test(value) === false)
      throw errors.invalid(`attributes Reason: Invalid value for ${name}: ${value}`);
  }
}

/** Writes only over what was read: of two changes at once none is lost. */
export async function changeSettings(database: Database, scope: Scope, given: Settings): Promise<void> {
  for (let count = 0; count < ATTEMPTS; count += 1) {
    const before = await readRow(database, scope);
    const after = { ...(before === undefined ? {} : (JSON.parse(before) as Settings)), ...given };
    const body = JSON.stringify(after);
    const statement =
      before === undefined
        ? { sql: "INSERT INTO sns_settings (body, id) VALUES (?, ?)", params: [body, idOf(scope)] }
        : {
            sql: "UPDATE sns_settings SET body = ? WHERE id = ? AND body = ?",
            params: [body, idOf(scope), before],
          };
    try {
      return void (await database.commit([{ ...statement, expect: 1 }]));
    } catch (error) {
      if (!(error instanceof Conflict)) throw error;
    }
  }
  throw errors.busy();
}

/**
 * Errors: InvalidParameter.
 * https://docs.aws.amazon.com/sns/latest/dg/sms_publish-to-phone.html
 */
export async function senderFor(
  database: Database,
  scope: Scope,
  attributes: AttributeMap,
): Promise<Pick<Mail, "senderId" | "smsType">> {
  for (const [name, like] of Object.entries(OF_A_TEXT)) {
    const value = attributes[name]?.StringValue;
    if (value === undefined || CHECKS.get(like)?.test(value) === true) continue;
    throw errors.invalid(`MessageAttributes Reason: Invalid value for ${name}: ${value}`);
  }
  const settings = await readSettings(database, scope);
  const senderId = attributes["AWS.SNS.SMS.SenderID"]?.StringValue ?? settings["DefaultSenderID"];
  const smsType =
    attributes["AWS.SNS.SMS.SMSType"]?.StringValue ?? settings["DefaultSMSType"] ?? "Promotional";
  return { smsType, ...(senderId === undefined ? {} : { senderId }) };
}

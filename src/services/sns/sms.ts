/** SMS attributes of an account and region, and what a text message takes from them. */
import type { Scope } from "../../kernel/scope.ts";
import type { Database } from "../../ports/database.ts";
import * as errors from "./errors.ts";
import type { Mail } from "./mail.ts";
import type { AttributeMap } from "./message.ts";

type Settings = Readonly<Record<string, string>>;

const CHECKS: Readonly<Record<string, RegExp>> = {
  DefaultSMSType: /^(?:Promotional|Transactional)$/u,
  DefaultSenderID: /^(?=.*[A-Za-z])[A-Za-z0-9]{1,11}$/u,
  MonthlySpendLimit: /^\d{1,9}$/u,
};
const UNSUPPORTED = ["DeliveryStatusIAMRole", "DeliveryStatusSuccessSamplingRate", "UsageReportS3Bucket"];

function idOf({ accountId, region }: Scope): string {
  return `sms ${accountId} ${region}`;
}

export async function readSettings(database: Database, scope: Scope): Promise<Settings> {
  const [row] = await database.read<{ body: string }>("SELECT body FROM sns_settings WHERE id = ?", [
    idOf(scope),
  ]);
  return row === undefined ? {} : (JSON.parse(row.body) as Settings);
}

/** Refuses what AWS refuses, and what nothing here would do. */
export function checkSettings(given: Settings): void {
  for (const [name, value] of Object.entries(given)) {
    if (UNSUPPORTED.includes(name)) {
      throw errors.unsupported(`the attribute ${name}`, "lambent outbox shows every text message");
    }
    const pattern = CHECKS[name];
    if (pattern === undefined) throw errors.invalid(`attributes Reason: Invalid key [${name}]`);
    if (!pattern.test(value)) throw errors.invalid(`attributes Reason: Invalid value for ${name}: ${value}`);
  }
}

export async function writeSettings(database: Database, scope: Scope, settings: Settings): Promise<void> {
  await database.commit([
    {
      sql: `INSERT INTO sns_settings (id, body) VALUES (?, ?)
        ON CONFLICT (id) DO UPDATE SET body = excluded.body`,
      params: [idOf(scope), JSON.stringify(settings)],
    },
  ]);
}

/** https://docs.aws.amazon.com/sns/latest/dg/sms_publish-to-phone.html */
export async function senderFor(
  database: Database,
  scope: Scope,
  attributes: AttributeMap,
): Promise<Pick<Mail, "senderId" | "smsType">> {
  const settings = await readSettings(database, scope);
  const senderId = attributes["AWS.SNS.SMS.SenderID"]?.StringValue ?? settings["DefaultSenderID"];
  const smsType =
    attributes["AWS.SNS.SMS.SMSType"]?.StringValue ?? settings["DefaultSMSType"] ?? "Promotional";
  return { smsType, ...(senderId === undefined ? {} : { senderId }) };
}

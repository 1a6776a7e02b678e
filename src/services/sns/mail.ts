/**
 * Where e-mails, text messages and pushes go: nobody sends them, they lie in a table and can be read
 * (`lambent outbox`). The newest are kept.
 */
import type { Clock } from "../../kernel/clock.ts";
import type { Random } from "../../kernel/random.ts";
import type { Scope } from "../../kernel/scope.ts";
import type { Database, Statement } from "../../ports/database.ts";
import { createSequence } from "./sequence.ts";

export interface Mail extends Scope {
  readonly protocol: "application" | "email" | "email-json" | "sms";
  /** Address, telephone number, or ARN of a platform endpoint. */
  readonly to: string;
  readonly subject?: string;
  readonly body: string;
  readonly messageId: string;
  readonly topicArn?: string;
  readonly subscriptionArn?: string;
  /** Of text messages. */
  readonly senderId?: string;
  readonly smsType?: string;
}

/** A mail as it is shown; `at` is ISO 8601. */
export interface KeptMail extends Mail {
  readonly at: string;
}

export interface MailBox {
  /** The statements that put the mails there: for the unit of what caused them. */
  within(mails: readonly Mail[]): readonly Statement[];
}

const KEPT_MAX = 1_000;

/** Ids are in the order of time; servers that share the database meet at their random ends. */
export function createMailBox(clock: Clock, random: Random): MailBox {
  const next = createSequence(clock);
  return {
    within(mails) {
      if (mails.length === 0) return [];
      const at = new Date(clock.now()).toISOString();
      const inserts = mails.map((mail) => ({
        sql: "INSERT INTO sns_mails (id, body) VALUES (?, ?)",
        params: [`${String(next())}-${random.hex(16)}`, JSON.stringify({ at, ...mail })],
      }));
      const trim = {
        sql: `DELETE FROM sns_mails WHERE id IN (SELECT id FROM sns_mails ORDER BY id DESC LIMIT ? OFFSET ${String(KEPT_MAX)})`,
        params: [mails.length + 1],
      };
      return [...inserts, trim];
    },
  };
}

/** The newest first. */
export async function listMails(database: Database, limit: number): Promise<readonly KeptMail[]> {
  const rows = await database.read<{ body: string }>("SELECT body FROM sns_mails ORDER BY id DESC LIMIT ?", [
    Math.min(limit, KEPT_MAX),
  ]);
  return rows.map((row) => JSON.parse(row.body) as KeptMail);
}

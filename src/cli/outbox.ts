/** E-mails, text messages and pushes that SNS was asked to send: nobody sends them, they can be read here. */
import type { OutboxReport } from "../app/admin-routes.ts";
import { admin, connect } from "./connection.ts";
import { EXIT } from "./fault.ts";
import { json, note, paint, say } from "./output.ts";
import type { CommonOptions } from "./status.ts";

export async function outboxCommand(options: CommonOptions): Promise<number> {
  const { mails } = await admin<OutboxReport>(connect(options.dataDir), "GET", "/_lambent/outbox");
  if (options.json === true) {
    json(mails);
    return EXIT.ok;
  }
  if (mails.length === 0)
    note("nothing was sent yet: aws sns publish --phone-number +15550100 --message hello");
  // The newest is read first, at the bottom of the screen.
  for (const { at, protocol, to, subject, body } of mails.toReversed()) {
    say(`${paint("dim", at)} ${protocol} ${paint("bold", to)}${subject === undefined ? "" : `  ${subject}`}`);
    say(`${body.replaceAll(/^/gmu, "  ").trimEnd()}\n`);
  }
  return EXIT.ok;
}

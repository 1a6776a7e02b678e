import type { Operations } from "../../aws/service.ts";
import { PHONE } from "./endpoint.ts";
import * as errors from "./errors.ts";
import { checkSettings, readSettings, writeSettings } from "./sms.ts";
import type { State } from "./state.ts";

type Sns = typeof import("@aws-sdk/client-sns");

/** Nobody can answer a text message here, so nobody has opted out. */
export function smsOperations(open: () => Promise<State>): Operations<Sns> {
  return {
    CheckIfPhoneNumberIsOptedOut({ phoneNumber: phone = "" }) {
      checkPhone(phone);
      return { isOptedOut: false };
    },
    ListPhoneNumbersOptedOut: () => ({ phoneNumbers: [] }),
    OptInPhoneNumber({ phoneNumber: phone = "" }) {
      checkPhone(phone);
      return {};
    },
    async GetSMSAttributes({ attributes: names = [] }, context) {
      const settings = await readSettings((await open()).database, context);
      const shown = Object.entries(settings).filter(([name]) => names.length === 0 || names.includes(name));
      return { attributes: Object.fromEntries(shown) };
    },
    async SetSMSAttributes({ attributes: given = {} }, context) {
      checkSettings(given);
      const { database, directory } = await open();
      await directory.exclusive(async () => {
        await writeSettings(database, context, { ...(await readSettings(database, context)), ...given });
      });
      return {};
    },
  };
}

function checkPhone(phone: string): void {
  if (!PHONE.test(phone)) throw errors.invalid("PhoneNumber Reason: input incorrectly formatted");
}

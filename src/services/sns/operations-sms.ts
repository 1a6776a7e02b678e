import type { Operations } from "../../aws/service.ts";
import { PHONE } from "./endpoint.ts";
import * as errors from "./errors.ts";
import { changeSettings, checkNames, checkSettings, readSettings } from "./sms.ts";
import type { State } from "./state.ts";

type Sns = typeof import("@aws-sdk/client-sns");

/**
 * Nobody can answer a text message here, so nobody has opted out. Texts go to every number, so the account is
 * in no sandbox; there are no numbers to send from.
 */
export function smsOperations(state: State): Operations<Sns> {
  return {
    CheckIfPhoneNumberIsOptedOut({ phoneNumber: phone = "" }) {
      checkPhone(phone);
      return { isOptedOut: false };
    },
    ListPhoneNumbersOptedOut({ nextToken: token }) {
      checkNoToken("nextToken", token);
      return { phoneNumbers: [] };
    },
    GetSMSSandboxAccountStatus: () => ({ IsInSandbox: false }),
    ListSMSSandboxPhoneNumbers({ NextToken: token }) {
      checkNoToken("NextToken", token);
      return { PhoneNumbers: [] };
    },
    ListOriginationNumbers({ NextToken: token }) {
      checkNoToken("NextToken", token);
      return { PhoneNumbers: [] };
    },
    OptInPhoneNumber({ phoneNumber: phone = "" }) {
      checkPhone(phone);
      return {};
    },
    async GetSMSAttributes({ attributes: names = [] }, context) {
      checkNames(names);
      const settings = await readSettings(state.database, context);
      const shown = Object.entries(settings).filter(([name]) => names.length === 0 || names.includes(name));
      return { attributes: Object.fromEntries(shown) };
    },
    async SetSMSAttributes({ attributes: given = {} }, context) {
      checkSettings(given);
      await changeSettings(state.database, context, given);
      return {};
    },
  };
}

/** There is no second page that a token could have been given for. */
function checkNoToken(parameter: string, token: string | undefined): void {
  if (token !== undefined && token !== "") throw errors.invalid(parameter);
}

function checkPhone(phone: string): void {
  if (!PHONE.test(phone)) throw errors.invalid("PhoneNumber Reason: input incorrectly formatted");
}

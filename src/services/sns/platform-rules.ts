/** What platform applications and endpoints may be called and have, in AWS's words. Pure. */
import { ServiceError } from "../../kernel/errors.ts";
import { partitionOf, type Scope } from "../../kernel/scope.ts";
import * as errors from "./errors.ts";

type Attributes = Readonly<Record<string, string>>;

const PLATFORMS: readonly string[] = [
  "ADM",
  "APNS",
  "APNS_SANDBOX",
  "APNS_VOIP",
  "APNS_VOIP_SANDBOX",
  "BAIDU",
  "FCM",
  "GCM",
  "MACOS",
  "MACOS_SANDBOX",
  "MPNS",
  "WNS",
];
const NAME_MAX = 256;
const USER_DATA_BYTES_MAX = 2048;
const SECRETS: readonly string[] = ["PlatformPrincipal", "PlatformCredential"];
const KEPT: readonly string[] = [
  "Enabled",
  "SuccessFeedbackSampleRate",
  "ApplePlatformTeamID",
  "ApplePlatformBundleID",
];
const NOT_DONE =
  /^(?:EventEndpointCreated|EventEndpointDeleted|EventEndpointUpdated|EventDeliveryFailure|SuccessFeedbackRoleArn|FailureFeedbackRoleArn)$/u;
const OF_ENDPOINT: readonly string[] = ["CustomUserData", "Enabled", "Token"];

export function checkApplicationName(name: string): void {
  const why =
    name === ""
      ? "cannot be empty"
      : name.length > NAME_MAX
        ? `must be at most ${String(NAME_MAX)} characters long`
        : /^[A-Za-z0-9._-]+$/u.test(name)
          ? undefined
          : "must contain only characters 'a'-'z', 'A'-'Z', '0'-'9', '_', '-', and '.'";
  if (why !== undefined) throw errors.invalid(`${name} Reason: ${why}`);
}

export function checkPlatform(platform: string): void {
  if (!PLATFORMS.includes(platform)) throw errors.invalid(`Platform Reason: ${platform} is not supported`);
}

/** What is kept of an application's attributes. */
export function applicationAttributes(given: Attributes): Attributes {
  refuseEmpty(given);
  for (const name of Object.keys(given)) {
    if (NOT_DONE.test(name)) {
      throw errors.unsupported(`the attribute ${name}`, "lambent outbox shows what would have been pushed");
    }
    if (!SECRETS.includes(name) && !KEPT.includes(name)) {
      throw errors.invalid(`Attributes Reason: Invalid attribute name: ${name}`);
    }
  }
  checkEnabled(given);
  if (!/^(?:\d{1,2}|100)$/u.test(given["SuccessFeedbackSampleRate"] ?? "0")) {
    throw badValue("SuccessFeedbackSampleRate", "must be a percentage, 0 to 100");
  }
  return Object.fromEntries(Object.entries(given).filter(([name]) => !SECRETS.includes(name)));
}

function checkEnabled({ Enabled: enabled = "true" }: Attributes): void {
  if (!/^(?:true|false)$/iu.test(enabled)) throw badValue("Enabled", "must be true or false");
}

function badValue(name: string, why: string): Error {
  return errors.invalid(`Attributes Reason: Invalid value for attribute: ${name}: ${why}`);
}

/** The token of a device. */
export function checkToken(token: string): void {
  if (token === "") throw errors.invalid("Token Reason: cannot be empty");
}

/** Refuses attributes that no endpoint has. */
export function checkEndpointAttributes(given: Attributes, mayBeEmpty: boolean): void {
  if (!mayBeEmpty) refuseEmpty(given);
  const unknown = Object.keys(given).find((name) => !OF_ENDPOINT.includes(name));
  if (unknown !== undefined) throw errors.invalid(`Attributes Reason: Invalid attribute name: ${unknown}`);
  if (Buffer.byteLength(given["CustomUserData"] ?? "") > USER_DATA_BYTES_MAX) {
    const most = `${String(USER_DATA_BYTES_MAX)} bytes long in UTF-8 encoding`;
    throw badValue("CustomUserData", `must be at most ${most}`);
  }
  checkEnabled(given);
  if (given["Token"] !== undefined) checkToken(given["Token"]);
}

/** An empty map is none on AWS's wire. */
function refuseEmpty(given: Attributes): void {
  if (Object.keys(given).length > 0) return;
  throw new ServiceError(
    "ValidationError",
    400,
    "1 validation error detected: Value null at 'attributes' failed to satisfy constraint: Member must not be null",
  );
}

export function applicationArn({ accountId, region }: Scope, platform: string, name: string): string {
  return `arn:${partitionOf(region)}:sns:${region}:${accountId}:app/${platform}/${name}`;
}

/** `…:app/ADM/name` with an id: `…:endpoint/ADM/name/id`. */
export function endpointArn(application: string, id: string): string {
  return `${application.replace(":app/", ":endpoint/")}/${id}`;
}

/** The platform that an ARN of an endpoint or an application names. */
export function platformOf(arn: string): string {
  return arn.split("/")[1] ?? "";
}

/** Refuses what cannot be the ARN of an application (two slashes) or an endpoint (three). */
export function checkArn(arn: string, parameter: "PlatformApplicationArn" | "EndpointArn"): void {
  const parts = arn.split(":");
  if (parts.length < 6) {
    throw errors.invalid(
      `${parameter} Reason: An ARN must have at least 6 elements, not ${String(parts.length)}`,
    );
  }
  const slashes = (parts[5]?.split("/").length ?? 0) - 1;
  if (slashes !== (parameter === "EndpointArn" ? 3 : 2)) {
    throw errors.invalid(`${parameter} Reason: Wrong number of slashes in relative portion of the ARN.`);
  }
}

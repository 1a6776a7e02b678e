/** What a request says of throughput: the billing mode, provisioned figures, on-demand maxima. Pure. */
import type { OnDemandThroughput, ProvisionedThroughput } from "@aws-sdk/client-dynamodb";
import { invalidParameters, validation } from "../errors.ts";
import type { BillingMode, Maximum, Throughput } from "./model.ts";

const UNITS_MAX = 1_000_000_000_000;

/** Errors: ValidationException where mode and figures do not go together. */
export function billingOf(
  mode: BillingMode | undefined,
  given: ProvisionedThroughput | undefined,
): BillingMode {
  const billing = mode ?? "PROVISIONED";
  if (billing === "PAY_PER_REQUEST" && given !== undefined) {
    throw invalidParameters(
      "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST",
    );
  }
  if (billing === "PROVISIONED" && given === undefined) {
    throw invalidParameters(
      "ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED",
    );
  }
  return billing;
}

/** Errors: ValidationException for figures beyond any table's. */
export function throughputOf(given: ProvisionedThroughput | undefined): Throughput {
  for (const member of ["ReadCapacityUnits", "WriteCapacityUnits"] as const) {
    const units = given?.[member] ?? 0;
    if (units > UNITS_MAX) throw validation(`Given value ${String(units)} for ${member} is out of bounds`);
  }
  return { read: given?.ReadCapacityUnits ?? 0, write: given?.WriteCapacityUnits ?? 0 };
}

/**
 * What becomes of an on-demand maximum; -1 takes it away.
 * Errors: ValidationException for maxima of provisioned throughput, for none, and for less than 1.
 */
export function withMaximum(
  given: OnDemandThroughput | undefined,
  billing: BillingMode,
  before?: Maximum,
): { maximum?: Maximum } {
  if (given === undefined) return before === undefined ? {} : { maximum: before };
  if (billing === "PROVISIONED") {
    throw invalidParameters(
      "Neither MaxReadRequestUnits nor MaxWriteRequestUnits can be specified when BillingMode is PROVISIONED",
    );
  }
  const asked = [given.MaxReadRequestUnits, given.MaxWriteRequestUnits];
  if (asked.every((units) => units === undefined)) {
    throw invalidParameters("OnDemandThroughput needs MaxReadRequestUnits, MaxWriteRequestUnits or both");
  }
  for (const [at, units] of asked.entries()) {
    if (units === undefined || units === -1 || (units >= 1 && units <= UNITS_MAX)) continue;
    const member = at === 0 ? "MaxReadRequestUnits" : "MaxWriteRequestUnits";
    throw validation(`Given value ${String(units)} for ${member} is out of bounds`);
  }
  const [read = before?.read ?? -1, write = before?.write ?? -1] = asked;
  if (read === -1 && write === -1) return {};
  return { maximum: { ...(read === -1 ? {} : { read }), ...(write === -1 ? {} : { write }) } };
}

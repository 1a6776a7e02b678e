import assert from "node:assert/strict";
import { test } from "node:test";
import type { ServiceError } from "../../kernel/errors.ts";
import { notYetTable, refuseNotYet } from "./not-yet.ts";

test("values that mean AWS's default pass", () => {
  refuseNotYet("CreateFunction", {
    FunctionName: "f",
    VpcConfig: { SubnetIds: [], SecurityGroupIds: [], Ipv6AllowedForDualStack: false },
    Layers: [],
    FileSystemConfigs: [],
    SnapStart: { ApplyOn: "None" },
    KMSKeyArn: "",
    PackageType: "Zip",
    Code: { ZipFile: new Uint8Array() },
  });
  refuseNotYet("UpdateFunctionConfiguration", { ImageConfig: {}, VpcConfig: {} });
  refuseNotYet("UpdateFunctionCode", { ZipFile: new Uint8Array() });
});

test("any other value is refused by name", () => {
  const cases: [string, object, string][] = [
    ["CreateFunction", { VpcConfig: { SubnetIds: ["subnet-1"] } }, "VpcConfig"],
    ["CreateFunction", { Layers: ["arn:aws:lambda:us-east-1:1:layer:l:1"] }, "Layers"],
    ["CreateFunction", { SnapStart: { ApplyOn: "PublishedVersions" } }, "SnapStart"],
    ["CreateFunction", { KMSKeyArn: "arn:aws:kms:us-east-1:1:key/k" }, "KMSKeyArn"],
    ["CreateFunction", { PackageType: "Image" }, "PackageType"],
    ["CreateFunction", { DurableConfig: {} }, "DurableConfig"],
    ["UpdateFunctionConfiguration", { ImageConfig: { Command: ["x"] } }, "ImageConfig"],
    ["Invoke", { TenantId: "t" }, "TenantId"],
  ];
  for (const [operation, input, field] of cases) {
    assert.throws(
      () => refuseNotYet(operation, input),
      (error: ServiceError) =>
        error.code === "InvalidParameterValueException" &&
        error.message === `${field} of ${operation} is not implemented by Lambent yet.` &&
        (error.hint ?? "") !== "",
      field,
    );
  }
});

test("every row of the table can be told to a reader", () => {
  for (const row of notYetTable()) assert.ok(row.field !== "" && row.instead.endsWith("."), row.field);
});

import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";

/** The parts of a botocore `service-2.json` that the tables are made from. */
export interface SourceRef {
  readonly shape: string;
  readonly location?: string;
  readonly locationName?: string;
  readonly flattened?: boolean;
  readonly xmlAttribute?: boolean;
  readonly xmlNamespace?: { readonly uri: string; readonly prefix?: string };
  readonly timestampFormat?: string;
  readonly streaming?: boolean;
  readonly idempotencyToken?: boolean;
  readonly eventpayload?: boolean;
  readonly eventheader?: boolean;
  readonly resultWrapper?: string;
}

export interface SourceShape {
  readonly type: string;
  readonly members?: Readonly<Record<string, SourceRef>>;
  readonly member?: SourceRef;
  readonly key?: SourceRef;
  readonly value?: SourceRef;
  readonly required?: readonly string[];
  readonly payload?: string;
  readonly union?: boolean;
  readonly document?: boolean;
  readonly eventstream?: boolean;
  readonly exception?: boolean;
  readonly fault?: boolean;
  readonly error?: { readonly code?: string; readonly httpStatusCode?: number };
  readonly flattened?: boolean;
  readonly streaming?: boolean;
  readonly timestampFormat?: string;
  readonly xmlNamespace?: { readonly uri: string; readonly prefix?: string };
  readonly min?: number;
  readonly max?: number;
  readonly pattern?: string;
  readonly enum?: readonly string[];
}

export interface SourceOperation {
  readonly name: string;
  readonly http: { readonly method: string; readonly requestUri: string; readonly responseCode?: number };
  readonly input?: SourceRef;
  readonly output?: SourceRef;
  readonly errors?: readonly SourceRef[];
  readonly deprecated?: boolean;
}

export interface SourceModel {
  readonly metadata: {
    readonly apiVersion: string;
    readonly endpointPrefix: string;
    readonly protocol: string;
    readonly protocols?: readonly string[];
    readonly jsonVersion?: string;
    readonly serviceFullName: string;
    readonly signingName?: string;
    readonly targetPrefix?: string;
    readonly xmlNamespace?: string;
    readonly awsQueryCompatible?: unknown;
  };
  readonly operations: Readonly<Record<string, SourceOperation>>;
  readonly shapes: Readonly<Record<string, SourceShape>>;
}

/** Puts botocore into `folder` with pip, unless it is there; returns the folder of its data. */
export function installBotocore(folder: string): string {
  const data = join(folder, "botocore", "data");
  if (!existsSync(data)) {
    execFileSync("python3", ["-m", "pip", "install", "--quiet", "--target", folder, "botocore"], {
      stdio: "inherit",
    });
  }
  return data;
}

/** The newest API version of a service. */
export function readModel(data: string, service: string): SourceModel {
  const versions = readdirSync(join(data, service)).sort();
  const folder = join(data, service, versions.at(-1) ?? "");
  const plain = join(folder, "service-2.json");
  const bytes = existsSync(plain) ? readFileSync(plain) : gunzipSync(readFileSync(`${plain}.gz`));
  return JSON.parse(bytes.toString("utf8")) as SourceModel;
}

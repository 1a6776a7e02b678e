import type * as sdk from "@aws-sdk/client-lambda";
import { HINT } from "../../aws/hint.ts";
import type { Operations, RequestContext } from "../../aws/service.ts";
import { ServiceError } from "../../kernel/errors.ts";
import { LIMITS } from "../../kernel/limits.ts";
import type { FunctionControl } from "../../lambda/control/control.ts";
import type { CodeSource } from "../../lambda/control/code-source.ts";
import { invalidParameter } from "../../lambda/control/errors.ts";
import type { Archive } from "../../lambda/control/stored-code.ts";
import { functionArn, targetOf } from "../../lambda/control/names.ts";
import { refuseNotYet } from "../../lambda/control/not-yet.ts";
import type { FunctionVersion } from "../../lambda/model/function.ts";
import type { FunctionInvoker } from "../../lambda/model/invocation.ts";
import { invoke } from "./invoke.ts";
import { checkJson } from "./json-scan.ts";
import { configuration, configurationSpec, listedConfiguration, optional } from "./shape.ts";

type Lambda = typeof sdk;

function qualifiedArnOf(version: FunctionVersion): string {
  return functionArn(version.scope, version.name, version.version);
}

interface CodeInput {
  readonly ZipFile?: Uint8Array | undefined;
  readonly S3Bucket?: string | undefined;
  readonly S3Key?: string | undefined;
  readonly S3ObjectVersion?: string | undefined;
}

/** Errors: InvalidParameterValueException when there are two sources. */
function archiveOf(
  code: CodeInput | undefined,
  codeSource: CodeSource | undefined,
  context: RequestContext,
): Archive | undefined {
  const { ZipFile, S3Bucket, S3Key, S3ObjectVersion } = code ?? {};
  if (S3Bucket === undefined && S3Key === undefined) return ZipFile;
  if (ZipFile !== undefined) {
    throw invalidParameter("Please do not provide other FunctionCode parameters when providing a ZipFile.");
  }
  const location = { bucket: S3Bucket, key: S3Key, versionId: S3ObjectVersion };
  if (codeSource === undefined) throw invalidParameter("Please provide a source for function code.");
  return () => codeSource.fetch(location, context.caller, context);
}

/** Functions, versions and invoking. */
export function functionOperations(
  control: FunctionControl,
  invoker: FunctionInvoker,
  codeSource?: CodeSource,
): Operations<Lambda> {
  const { functions, versions, resolver, codeDownloads } = control;
  return {
    async CreateFunction(input, context) {
      refuseNotYet("CreateFunction", input);
      const version = await functions.create(context, {
        ...configurationSpec(input),
        functionName: input.FunctionName ?? "",
        architecture: input.Architectures?.[0],
        zipFile: archiveOf(input.Code, codeSource, context),
        publish: input.Publish,
        tags: input.Tags,
      });
      return configuration(version, version.functionArn);
    },

    async GetFunction(input, context) {
      const found = await functions.get(context, input.FunctionName ?? "", input.Qualifier);
      const { version, reservedConcurrency } = found;
      return {
        Configuration: configuration(version, found.arn),
        Code: {
          RepositoryType: "S3",
          Location: codeDownloads.location(context.endpoint, version.code.blob),
        },
        ...optional("Tags", found.tags.size === 0 ? undefined : Object.fromEntries(found.tags)),
        ...optional(
          "Concurrency",
          reservedConcurrency === undefined
            ? undefined
            : { ReservedConcurrentExecutions: reservedConcurrency },
        ),
      };
    },

    async GetFunctionConfiguration(input, context) {
      const found = await functions.get(context, input.FunctionName ?? "", input.Qualifier);
      return configuration(found.version, found.arn);
    },

    async ListFunctions(input, context) {
      const all = input.FunctionVersion === "ALL";
      checkMasterRegion(input.MasterRegion, all);
      // Only replicas of Lambda@Edge have a master region, and there are none.
      if (input.MasterRegion !== undefined && input.MasterRegion !== "ALL") return { Functions: [] };
      const page = await functions.list(context, all, input.Marker, input.MaxItems);
      return {
        ...optional("NextMarker", page.nextMarker),
        Functions: page.items.map((version) =>
          listedConfiguration(version, all ? qualifiedArnOf(version) : version.functionArn),
        ),
      };
    },

    async UpdateFunctionCode(input, context) {
      refuseNotYet("UpdateFunctionCode", input);
      const version = await functions.updateCode(context, {
        functionName: input.FunctionName ?? "",
        zipFile: archiveOf(input, codeSource, context),
        imageUri: input.ImageUri,
        architecture: input.Architectures?.[0],
        publish: input.Publish,
        dryRun: input.DryRun,
        revisionId: input.RevisionId,
      });
      return configuration(
        version,
        version.version === "$LATEST" ? version.functionArn : qualifiedArnOf(version),
      );
    },

    async UpdateFunctionConfiguration(input, context) {
      refuseNotYet("UpdateFunctionConfiguration", input);
      const version = await functions.updateConfiguration(context, {
        ...configurationSpec(input),
        functionName: input.FunctionName ?? "",
        revisionId: input.RevisionId,
      });
      return configuration(version, version.functionArn);
    },

    async DeleteFunction(input, context) {
      await functions.delete(context, input.FunctionName ?? "", input.Qualifier);
      return { StatusCode: 204 };
    },

    async PublishVersion(input, context) {
      refuseNotYet("PublishVersion", input);
      const version = await versions.publish(context, {
        functionName: input.FunctionName ?? "",
        codeSha256: input.CodeSha256,
        description: input.Description,
        revisionId: input.RevisionId,
      });
      return configuration(version, qualifiedArnOf(version));
    },

    async ListVersionsByFunction(input, context) {
      const page = await versions.list(context, input.FunctionName ?? "", input.Marker, input.MaxItems);
      return {
        ...optional("NextMarker", page.nextMarker),
        Versions: page.items.map((version) => listedConfiguration(version, qualifiedArnOf(version))),
      };
    },

    async Invoke(input, context) {
      refuseNotYet("Invoke", input);
      const result = await invoke(
        { resolver, invoker },
        {
          functionName: input.FunctionName ?? "",
          qualifier: input.Qualifier,
          invocationType: input.InvocationType,
          logType: input.LogType,
          clientContext: input.ClientContext,
          payload: bytesOf(input.Payload),
        },
        context,
      );
      return {
        StatusCode: result.status,
        ...optional("ExecutedVersion", result.executedVersion),
        ...optional("FunctionError", result.functionError),
        ...optional("LogResult", result.logResult),
        ...(result.hint === undefined ? {} : { [HINT]: result.hint }),
        Payload: result.payload as never,
      };
    },

    async InvokeAsync(input, context) {
      const payload = await collect(input.InvokeArgs);
      if (payload.byteLength > LIMITS.invokeAsyncPayloadBytes) {
        throw new ServiceError(
          "RequestEntityTooLargeException",
          413,
          `Request must be smaller than ${LIMITS.invokeAsyncPayloadBytes} bytes for the InvokeAsync operation`,
        );
      }
      await checkJson(payload.byteLength === 0 ? Buffer.from("{}") : payload);
      const target = targetOf(context, input.FunctionName ?? "");
      await resolver.resolve(target.scope, target.name, target.qualifier, 0);
      await invoker.invokeAsync(asyncRequest(context, target, payload));
      return { Status: 202 };
    },

    async GetAccountSettings(_input, context) {
      const settings = await control.accountSettings(context);
      return {
        AccountLimit: {
          TotalCodeSize: settings.quotas.totalCodeBytes,
          CodeSizeUnzipped: LIMITS.unzippedCodeBytes,
          CodeSizeZipped: LIMITS.zippedCodeBytes,
          ConcurrentExecutions: settings.quotas.concurrentExecutions,
          UnreservedConcurrentExecutions: settings.unreservedConcurrency,
        },
        AccountUsage: { TotalCodeSize: settings.totalCodeBytes, FunctionCount: settings.functionCount },
      };
    },
  };
}

function asyncRequest(
  context: RequestContext,
  target: ReturnType<typeof targetOf>,
  payload: Uint8Array,
): Parameters<FunctionInvoker["invokeAsync"]>[0] {
  return {
    scope: target.scope,
    functionName: target.name,
    qualifier: target.qualifier,
    payload: payload.byteLength === 0 ? Buffer.from("{}") : payload,
    requestId: context.requestId,
  };
}

function checkMasterRegion(masterRegion: string | undefined, all: boolean): void {
  if (masterRegion === undefined || all) return;
  throw new ServiceError(
    "InvalidParameterValueException",
    400,
    "FunctionVersion must be set to ALL when MasterRegion is specified.",
    { members: { Type: "User" } },
  );
}

function bytesOf(payload: unknown): Uint8Array {
  if (payload === undefined || payload === null) return new Uint8Array();
  return typeof payload === "string" ? Buffer.from(payload) : (payload as Uint8Array);
}

/** A streamed body that the gateway has bounded already. */
async function collect(body: unknown): Promise<Uint8Array> {
  if (body === undefined || body === null || typeof body === "string" || body instanceof Uint8Array) {
    return bytesOf(body);
  }
  const chunks: Uint8Array[] = [];
  for await (const chunk of body as AsyncIterable<Uint8Array>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

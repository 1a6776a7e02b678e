import type { Operations } from "../../aws/service.ts";
import { arnParts } from "../../kernel/arn.ts";
import { ServiceError } from "../../kernel/errors.ts";
import type { Random } from "../../kernel/random.ts";
import type { Scope } from "../../kernel/scope.ts";
import * as errors from "./errors.ts";
import { pageOf } from "./page.ts";
import * as rules from "./platform-rules.ts";
import type { Application, PlatformEndpoint, Platforms } from "./platforms.ts";
import type { State } from "./state.ts";

type Sns = typeof import("@aws-sdk/client-sns");

export function platformOperations(open: () => Promise<State>): Operations<Sns> {
  /** Runs alone among the changes. */
  async function alone<T>(work: (platforms: Platforms, state: State) => Promise<T>): Promise<T> {
    const state = await open();
    return state.directory.exclusive(() => work(state.platforms, state));
  }

  return {
    async CreatePlatformApplication(
      { Name: name = "", Platform: platform = "", Attributes: given = {} },
      context,
    ) {
      rules.checkApplicationName(name);
      rules.checkPlatform(platform);
      const { accountId, region } = context;
      const arn = rules.applicationArn(context, platform, name);
      const attributes = { Enabled: "true", ...rules.applicationAttributes(given) };
      await alone((platforms) => platforms.put({ arn, platform, accountId, region, attributes }));
      return { PlatformApplicationArn: arn };
    },
    async GetPlatformApplicationAttributes({ PlatformApplicationArn: arn }, context) {
      return { Attributes: applicationOf((await open()).platforms, arn, context).attributes };
    },
    async SetPlatformApplicationAttributes({ PlatformApplicationArn: arn, Attributes: given = {} }, context) {
      rules.checkArn(arn ?? "", "PlatformApplicationArn");
      const changed = rules.applicationAttributes(given);
      await alone(async (platforms) => {
        const before = applicationOf(platforms, arn, context);
        await platforms.put({ ...before, attributes: { ...before.attributes, ...changed } });
      });
      return {};
    },
    async ListPlatformApplications({ NextToken: token }, context) {
      const { platforms } = await open();
      const { page, next } = pageOf(platforms.applicationsOf(context), token, ({ arn }) => arn);
      const PlatformApplications = page.map(({ arn, attributes }) => ({
        PlatformApplicationArn: arn,
        Attributes: attributes,
      }));
      return { PlatformApplications, ...(next === undefined ? {} : { NextToken: next }) };
    },
    async DeletePlatformApplication({ PlatformApplicationArn: arn = "" }, context) {
      rules.checkArn(arn, "PlatformApplicationArn");
      await alone(async (platforms) => {
        if (isOwn(arn, context)) await platforms.remove(arn);
      });
      return {};
    },
    async CreatePlatformEndpoint(input, context) {
      const { PlatformApplicationArn: arn, Token, CustomUserData, Attributes: given = {} } = input;
      rules.checkEndpointAttributes(given, true);
      const data = CustomUserData === undefined ? {} : { CustomUserData };
      rules.checkEndpointAttributes(data, true);
      const attributes = { Enabled: "true", Token: Token ?? "", ...data, ...given };
      return alone((platforms, { random }) => {
        return createEndpoint(platforms, applicationOf(platforms, arn, context), attributes, random);
      });
    },
    async GetEndpointAttributes({ EndpointArn: arn }, context) {
      return { Attributes: endpointOf((await open()).platforms, arn, context).attributes };
    },
    async SetEndpointAttributes({ EndpointArn: arn, Attributes: given = {} }, context) {
      rules.checkArn(arn ?? "", "EndpointArn");
      rules.checkEndpointAttributes(given, false);
      await alone(async (platforms) => {
        const before = endpointOf(platforms, arn, context);
        await platforms.putEndpoint({ ...before, attributes: { ...before.attributes, ...given } });
      });
      return {};
    },
    async ListEndpointsByPlatformApplication({ PlatformApplicationArn: arn, NextToken: token }, context) {
      const { platforms } = await open();
      const { page, next } = pageOf(
        platforms.endpointsOf(applicationOf(platforms, arn, context).arn),
        token,
        (one) => one.arn,
      );
      const Endpoints = page.map((one) => ({ EndpointArn: one.arn, Attributes: one.attributes }));
      return { Endpoints, ...(next === undefined ? {} : { NextToken: next }) };
    },
    async DeleteEndpoint({ EndpointArn: arn = "" }, context) {
      rules.checkArn(arn, "EndpointArn");
      await alone(async (platforms) => {
        if (isOwn(arn, context)) await platforms.removeEndpoint(arn);
      });
      return {};
    },
  };
}

/** A token is registered once: the same attributes mean the same endpoint. */
async function createEndpoint(
  platforms: Platforms,
  application: Application,
  attributes: Record<string, string>,
  random: Random,
): Promise<{ EndpointArn: string }> {
  const before = platforms
    .endpointsOf(application.arn)
    .find((one) => one.attributes["Token"] === attributes["Token"]);
  if (before === undefined) {
    const made = rules.endpointArn(application.arn, random.uuid());
    await platforms.putEndpoint({ arn: made, applicationArn: application.arn, attributes });
    return { EndpointArn: made };
  }
  const names = new Set([...Object.keys(attributes), ...Object.keys(before.attributes)]);
  if ([...names].some((name) => attributes[name] !== before.attributes[name])) {
    throw errors.invalid(
      `Token Reason: Endpoint ${before.arn} already exists with the same Token, but different attributes.`,
    );
  }
  return { EndpointArn: before.arn };
}

/** Nobody sees what is of another account. */
function isOwn(arn: string, { accountId }: Scope): boolean {
  return arnParts(arn).accountId === accountId;
}

function applicationOf(platforms: Platforms, arn: string | undefined, scope: Scope): Application {
  rules.checkArn(arn ?? "", "PlatformApplicationArn");
  const application = isOwn(arn ?? "", scope) ? platforms.application(arn ?? "") : undefined;
  if (application === undefined)
    throw new ServiceError("NotFoundException", 404, "PlatformApplication does not exist");
  return application;
}

function endpointOf(platforms: Platforms, arn: string | undefined, scope: Scope): PlatformEndpoint {
  rules.checkArn(arn ?? "", "EndpointArn");
  const endpoint = isOwn(arn ?? "", scope) ? platforms.endpoint(arn ?? "") : undefined;
  if (endpoint === undefined) throw new ServiceError("NotFoundException", 404, "Endpoint does not exist");
  return endpoint;
}

import type { Operations } from "../../aws/service.ts";
import { ServiceError } from "../../kernel/errors.ts";
import type { Random } from "../../kernel/random.ts";
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
    async GetPlatformApplicationAttributes({ PlatformApplicationArn: arn }) {
      return { Attributes: applicationOf((await open()).platforms, arn).attributes };
    },
    async SetPlatformApplicationAttributes({ PlatformApplicationArn: arn, Attributes: given = {} }) {
      rules.checkArn(arn ?? "", "PlatformApplicationArn");
      const changed = rules.applicationAttributes(given);
      await alone(async (platforms) => {
        const before = applicationOf(platforms, arn);
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
    async DeletePlatformApplication({ PlatformApplicationArn: arn = "" }) {
      rules.checkArn(arn, "PlatformApplicationArn");
      await alone((platforms) => platforms.remove(arn));
      return {};
    },
    async CreatePlatformEndpoint(input) {
      const { PlatformApplicationArn: arn, Token, CustomUserData, Attributes: given = {} } = input;
      rules.checkEndpointAttributes(given, true);
      const data = CustomUserData === undefined ? {} : { CustomUserData };
      rules.checkEndpointAttributes(data, true);
      const attributes = { Enabled: "true", Token: Token ?? "", ...data, ...given };
      return alone((platforms, { random }) => createEndpoint(platforms, arn, attributes, random));
    },
    async GetEndpointAttributes({ EndpointArn: arn }) {
      return { Attributes: endpointOf((await open()).platforms, arn).attributes };
    },
    async SetEndpointAttributes({ EndpointArn: arn, Attributes: given = {} }) {
      rules.checkArn(arn ?? "", "EndpointArn");
      rules.checkEndpointAttributes(given, false);
      await alone(async (platforms) => {
        const before = endpointOf(platforms, arn);
        await platforms.putEndpoint({ ...before, attributes: { ...before.attributes, ...given } });
      });
      return {};
    },
    async ListEndpointsByPlatformApplication({ PlatformApplicationArn: arn, NextToken: token }) {
      const { platforms } = await open();
      const { page, next } = pageOf(
        platforms.endpointsOf(applicationOf(platforms, arn).arn),
        token,
        (one) => one.arn,
      );
      const Endpoints = page.map((one) => ({ EndpointArn: one.arn, Attributes: one.attributes }));
      return { Endpoints, ...(next === undefined ? {} : { NextToken: next }) };
    },
    async DeleteEndpoint({ EndpointArn: arn = "" }) {
      rules.checkArn(arn, "EndpointArn");
      await alone((platforms) => platforms.removeEndpoint(arn));
      return {};
    },
  };
}

/** A token is registered once: the same attributes mean the same endpoint. */
async function createEndpoint(
  platforms: Platforms,
  arn: string | undefined,
  attributes: Record<string, string>,
  random: Random,
): Promise<{ EndpointArn: string }> {
  const application = applicationOf(platforms, arn);
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

function applicationOf(platforms: Platforms, arn: string | undefined): Application {
  rules.checkArn(arn ?? "", "PlatformApplicationArn");
  const application = platforms.application(arn ?? "");
  if (application === undefined)
    throw new ServiceError("NotFoundException", 404, "PlatformApplication does not exist");
  return application;
}

function endpointOf(platforms: Platforms, arn: string | undefined): PlatformEndpoint {
  rules.checkArn(arn ?? "", "EndpointArn");
  const endpoint = platforms.endpoint(arn ?? "");
  if (endpoint === undefined) throw new ServiceError("NotFoundException", 404, "Endpoint does not exist");
  return endpoint;
}

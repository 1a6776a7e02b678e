import type { Operations } from "../../aws/service.ts";
import { arnParts } from "../../kernel/arn.ts";
import type { Random } from "../../kernel/random.ts";
import type { Scope } from "../../kernel/scope.ts";
import * as errors from "./errors.ts";
import { PAGE_AND_ONE, pageOf, startOf } from "./page.ts";
import * as rules from "./platform-rules.ts";
import type { Application, PlatformEndpoint, Platforms } from "./platforms.ts";
import type { State } from "./state.ts";

type Sns = typeof import("@aws-sdk/client-sns");

export function platformOperations(state: State): Operations<Sns> {
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
      await state.platforms.put({ arn, platform, accountId, region, attributes });
      return { PlatformApplicationArn: arn };
    },
    async GetPlatformApplicationAttributes({ PlatformApplicationArn: arn }, context) {
      return { Attributes: (await applicationOf(state.platforms, arn, context)).attributes };
    },
    async SetPlatformApplicationAttributes({ PlatformApplicationArn: arn, Attributes: given = {} }, context) {
      rules.checkArn(arn ?? "", "PlatformApplicationArn");
      const changed = rules.applicationAttributes(given);
      const { platforms } = state;
      const { arn: own } = await applicationOf(platforms, arn, context);
      const done = await platforms.change(own, (before) => ({
        ...before,
        attributes: { ...before.attributes, ...changed },
      }));
      if (done === undefined) throw errors.applicationNotFound();
      return {};
    },
    async ListPlatformApplications({ NextToken: token }, context) {
      const start = startOf(token);
      const found = await state.platforms.applicationsOf(context, start, PAGE_AND_ONE);
      const { page, next } = pageOf(found, ({ arn }) => arn);
      const PlatformApplications = page.map(({ arn, attributes }) => ({
        PlatformApplicationArn: arn,
        Attributes: attributes,
      }));
      return { PlatformApplications, ...(next === undefined ? {} : { NextToken: next }) };
    },
    async DeletePlatformApplication({ PlatformApplicationArn: arn = "" }, context) {
      rules.checkArn(arn, "PlatformApplicationArn");
      if (isOwn(arn, context)) await state.platforms.remove(arn);
      return {};
    },
    async CreatePlatformEndpoint(input, context) {
      const { PlatformApplicationArn: arn, Token, CustomUserData, Attributes: given = {} } = input;
      rules.checkToken(Token ?? "");
      rules.checkEndpointAttributes(given, true);
      const data = CustomUserData === undefined ? {} : { CustomUserData };
      rules.checkEndpointAttributes(data, true);
      const attributes = { Enabled: "true", Token: Token ?? "", ...data, ...given };
      const { platforms, random } = state;
      const application = await applicationOf(platforms, arn, context);
      return createEndpoint(platforms, application, attributes, random);
    },
    async GetEndpointAttributes({ EndpointArn: arn }, context) {
      return { Attributes: (await endpointOf(state.platforms, arn, context)).attributes };
    },
    async SetEndpointAttributes({ EndpointArn: arn, Attributes: given = {} }, context) {
      rules.checkArn(arn ?? "", "EndpointArn");
      rules.checkEndpointAttributes(given, false);
      const { platforms } = state;
      const { arn: own } = await endpointOf(platforms, arn, context);
      const done = await platforms.changeEndpoint(own, (before) => ({
        ...before,
        attributes: { ...before.attributes, ...given },
      }));
      if (done === undefined) throw errors.endpointNotFound();
      return {};
    },
    async ListEndpointsByPlatformApplication({ PlatformApplicationArn: arn, NextToken: token }, context) {
      const start = startOf(token);
      const { platforms } = state;
      const { arn: own } = await applicationOf(platforms, arn, context);
      const { page, next } = pageOf(await platforms.endpointsOf(own, start, PAGE_AND_ONE), (one) => one.arn);
      const Endpoints = page.map((one) => ({ EndpointArn: one.arn, Attributes: one.attributes }));
      return { Endpoints, ...(next === undefined ? {} : { NextToken: next }) };
    },
    async DeleteEndpoint({ EndpointArn: arn = "" }, context) {
      rules.checkArn(arn, "EndpointArn");
      if (isOwn(arn, context)) await state.platforms.removeEndpoint(arn);
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
  const { Token = "" } = attributes;
  let before = await platforms.byToken(application.arn, Token);
  if (before === undefined) {
    const arn = rules.endpointArn(application.arn, random.uuid());
    if (await platforms.addEndpoint({ arn, applicationArn: application.arn, attributes })) {
      return { EndpointArn: arn };
    }
    before = await platforms.byToken(application.arn, Token);
    if (before === undefined) throw errors.busy();
  }
  const { arn, attributes: own } = before;
  const names = new Set([...Object.keys(attributes), ...Object.keys(own)]);
  if ([...names].some((name) => attributes[name] !== own[name])) {
    throw errors.invalid(
      `Token Reason: Endpoint ${arn} already exists with the same Token, but different attributes.`,
    );
  }
  return { EndpointArn: arn };
}

/** Nobody sees what is of another account. */
function isOwn(arn: string, { accountId }: Scope): boolean {
  return arnParts(arn).accountId === accountId;
}

async function applicationOf(
  platforms: Platforms,
  arn: string | undefined,
  scope: Scope,
): Promise<Application> {
  rules.checkArn(arn ?? "", "PlatformApplicationArn");
  const application = isOwn(arn ?? "", scope) ? await platforms.application(arn ?? "") : undefined;
  if (application === undefined) throw errors.applicationNotFound();
  return application;
}

async function endpointOf(
  platforms: Platforms,
  arn: string | undefined,
  scope: Scope,
): Promise<PlatformEndpoint> {
  rules.checkArn(arn ?? "", "EndpointArn");
  const endpoint = isOwn(arn ?? "", scope) ? await platforms.endpoint(arn ?? "") : undefined;
  if (endpoint === undefined) throw errors.endpointNotFound();
  return endpoint;
}

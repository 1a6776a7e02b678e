/**
 * What each operation asks of IAM.
 * https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsns.html
 */
import type { AccessNeed, AccessRule, ServiceAccess } from "../../aws/service.ts";
import { isFeedback } from "./feedback.ts";
import type { State } from "./state.ts";
import { policyOf } from "./topic-attributes.ts";
import { topicArn } from "./names.ts";

type Input = Readonly<Record<string, unknown>>;

function text(input: Input, name: string): string | undefined {
  const value = input[name];
  return typeof value === "string" && value !== "" ? value : undefined;
}

const TOPIC: AccessRule = { resources: (input) => [text(input, "TopicArn") ?? "*"] };
const RESOURCE: AccessRule = { resources: (input) => [text(input, "ResourceArn") ?? "*"] };
const EVERYTHING: AccessRule = { resources: () => ["*"] };

/** Roles that write of deliveries are handed to SNS. */
function passed(attributes: Input): readonly AccessNeed[] {
  const names = Object.keys(attributes).filter((name) => isFeedback(name) && name.endsWith("RoleArn"));
  const resources = names.flatMap((name) => text(attributes, name) ?? []);
  if (resources.length === 0) return [];
  const conditions = { "iam:PassedToService": "sns.amazonaws.com" };
  return [{ actions: ["iam:PassRole"], resources: [...new Set(resources)], conditions }];
}

const rules: Readonly<Record<string, AccessRule>> = {
  AddPermission: TOPIC,
  CheckIfPhoneNumberIsOptedOut: EVERYTHING,
  CreatePlatformApplication: EVERYTHING,
  CreatePlatformEndpoint: EVERYTHING,
  DeleteEndpoint: EVERYTHING,
  DeletePlatformApplication: EVERYTHING,
  GetDataProtectionPolicy: RESOURCE,
  GetEndpointAttributes: EVERYTHING,
  GetPlatformApplicationAttributes: EVERYTHING,
  ListEndpointsByPlatformApplication: EVERYTHING,
  ListPlatformApplications: EVERYTHING,
  SetEndpointAttributes: EVERYTHING,
  SetPlatformApplicationAttributes: EVERYTHING,
  ConfirmSubscription: TOPIC,
  CreateTopic: {
    resources: (input, { accountId, region }) => [
      topicArn({ accountId, region, name: text(input, "Name") ?? "*" }),
    ],
    also: (input) => passed((input["Attributes"] ?? {}) as Input),
  },
  DeleteTopic: TOPIC,
  GetSMSAttributes: EVERYTHING,
  GetSMSSandboxAccountStatus: EVERYTHING,
  GetSubscriptionAttributes: EVERYTHING,
  GetTopicAttributes: TOPIC,
  ListOriginationNumbers: EVERYTHING,
  ListPhoneNumbersOptedOut: EVERYTHING,
  ListSMSSandboxPhoneNumbers: EVERYTHING,
  ListSubscriptions: EVERYTHING,
  ListSubscriptionsByTopic: TOPIC,
  ListTagsForResource: RESOURCE,
  ListTopics: EVERYTHING,
  OptInPhoneNumber: EVERYTHING,
  Publish: { resources: (input) => [text(input, "TopicArn") ?? text(input, "TargetArn") ?? "*"] },
  PublishBatch: { actions: () => ["sns:Publish"], resources: TOPIC.resources },
  PutDataProtectionPolicy: RESOURCE,
  RemovePermission: TOPIC,
  SetSMSAttributes: EVERYTHING,
  SetSubscriptionAttributes: EVERYTHING,
  SetTopicAttributes: {
    ...TOPIC,
    also: (input) => passed({ [text(input, "AttributeName") ?? ""]: input["AttributeValue"] }),
  },
  Subscribe: {
    resources: TOPIC.resources,
    conditions: (input) => ({
      "sns:Endpoint": text(input, "Endpoint"),
      "sns:Protocol": text(input, "Protocol"),
    }),
  },
  TagResource: RESOURCE,
  Unsubscribe: EVERYTHING,
  UntagResource: RESOURCE,
};

/** A link is visited without a key: its token, or the subscription, says whether that is enough. */
const BY_LINK = {
  Effect: "Allow",
  Principal: "*",
  Action: ["sns:ConfirmSubscription", "sns:Unsubscribe"],
  Resource: "*",
  Condition: { StringEquals: { "aws:PrincipalType": "Anonymous" } },
};
const LINKS_ALONE = JSON.stringify({ Version: "2012-10-17", Statement: [BY_LINK] });

export function access(state: State): ServiceAccess {
  const withLinks = new Map<string, string>();

  function joined(policy: string): string {
    let text = withLinks.get(policy);
    if (text === undefined) {
      const document = JSON.parse(policy) as { Statement: unknown };
      text = JSON.stringify({ ...document, Statement: [document.Statement, BY_LINK].flat() });
      if (withLinks.size >= 500) withLinks.clear();
      withLinks.set(policy, text);
    }
    return text;
  }

  return {
    prefix: "sns",
    rules,
    async resourcePolicy(arn) {
      const entry = await state.directory.find(arn);
      return entry === undefined ? LINKS_ALONE : joined(policyOf(entry.topic));
    },
    async resourceTags(arn) {
      return (await state.directory.find(arn))?.topic.tags ?? {};
    },
  };
}

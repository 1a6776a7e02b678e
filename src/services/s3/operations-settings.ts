import { HINT } from "../../aws/hint.ts";
import { HTTP_STATUS } from "../../aws/streamed-body.ts";
import { checkPolicy, isPublic } from "./bucket-policy.ts";
import { CORS_METHODS, type CorsRule } from "./cors.ts";
import type { Deps, S3Operations } from "./deps.ts";
import * as errors from "./errors.ts";
import { type Lifecycle, MINIMUM_SIZE, minimumSizeOf } from "./lifecycle.ts";
import { type LifecycleRuleInput, readLifecycle } from "./lifecycle-config.ts";
import { bucketOf } from "./lookup.ts";
import { type Bucket, bucketArn, S3_LIMITS } from "./model.ts";
import { blocks } from "./public-access.ts";
import { REQUEST_PAYMENT, requesterPays } from "./requester-pays.ts";
import { checkWebsite, WEBSITE, websiteOf } from "./website.ts";
import type { Ownership } from "./acl.ts";

const OWNERSHIPS: readonly string[] = ["BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter"];
const MINIMUM_SIZES: ReadonlySet<string> = new Set([MINIMUM_SIZE, "varies_by_storage_class"]);
const NO_CONTENT = { [HTTP_STATUS]: 204 } as const;

/** Configurations of buckets: policy, public access, ownership, CORS, encryption, lifecycle. */
export function settingsOperations(deps: Deps, lifecycleChanged: () => void): S3Operations {
  const set = (bucket: Bucket, kind: string, body: string | undefined): Promise<boolean> =>
    deps.buckets.set(bucket.name, kind, body);

  return {
    async GetBucketPolicy(input, _context) {
      const bucket = await bucketOf(deps, input.Bucket, input.ExpectedBucketOwner);
      return { Policy: policyOf(bucket) };
    },

    async PutBucketPolicy(input, context) {
      const bucket = await bucketOf(deps, input.Bucket, input.ExpectedBucketOwner);
      const text = input.Policy ?? "";
      checkPolicy(text, bucket.name);
      if (blocks(bucket, "BlockPublicPolicy") && isPublic(text)) {
        throw errors.blockedPublic(
          context.caller,
          "PutBucketPolicy",
          bucketArn(bucket.name),
          "policies",
          "BlockPublicPolicy",
        );
      }
      await set(bucket, "policy", text);
      return NO_CONTENT;
    },

    async DeleteBucketPolicy(input, _context) {
      const bucket = await bucketOf(deps, input.Bucket, input.ExpectedBucketOwner);
      await set(bucket, "policy", undefined);
      return {};
    },

    async GetBucketPolicyStatus(input, _context) {
      const bucket = await bucketOf(deps, input.Bucket, input.ExpectedBucketOwner);
      return { PolicyStatus: { IsPublic: isPublic(policyOf(bucket)) } };
    },

    async GetPublicAccessBlock(input, _context) {
      const bucket = await bucketOf(deps, input.Bucket, input.ExpectedBucketOwner);
      const text = bucket.settings["publicAccessBlock"];
      if (text === undefined) {
        throw errors.noSuchConfiguration(
          "NoSuchPublicAccessBlockConfiguration",
          "The public access block configuration was not found",
          bucket.name,
        );
      }
      return { PublicAccessBlockConfiguration: JSON.parse(text) as object };
    },

    async PutPublicAccessBlock(input, _context) {
      const bucket = await bucketOf(deps, input.Bucket, input.ExpectedBucketOwner);
      const sent = input.PublicAccessBlockConfiguration;
      if (sent === undefined || Object.keys(sent).length === 0) throw errors.malformedXml();
      const configuration = {
        BlockPublicAcls: sent.BlockPublicAcls === true,
        IgnorePublicAcls: sent.IgnorePublicAcls === true,
        BlockPublicPolicy: sent.BlockPublicPolicy === true,
        RestrictPublicBuckets: sent.RestrictPublicBuckets === true,
      };
      await set(bucket, "publicAccessBlock", JSON.stringify(configuration));
      return {};
    },

    async DeletePublicAccessBlock(input, _context) {
      const bucket = await bucketOf(deps, input.Bucket, input.ExpectedBucketOwner);
      await set(bucket, "publicAccessBlock", undefined);
      return {};
    },

    async GetBucketOwnershipControls(input, _context) {
      const bucket = await bucketOf(deps, input.Bucket, input.ExpectedBucketOwner);
      const ownership = bucket.settings["ownership"];
      if (ownership === undefined) {
        throw errors.noSuchConfiguration(
          "OwnershipControlsNotFoundError",
          "The bucket ownership controls were not found",
          bucket.name,
        );
      }
      return { OwnershipControls: { Rules: [{ ObjectOwnership: ownership as Ownership }] } };
    },

    async PutBucketOwnershipControls(input, _context) {
      const bucket = await bucketOf(deps, input.Bucket, input.ExpectedBucketOwner);
      const rules = input.OwnershipControls?.Rules ?? [];
      const [rule] = rules;
      const ownership = rule?.ObjectOwnership;
      if (rules.length !== 1 || ownership === undefined || !OWNERSHIPS.includes(ownership)) {
        throw errors.malformedXml();
      }
      if (ownership === "BucketOwnerEnforced" && bucket.settings["acl"] !== undefined) {
        throw errors.invalidBucketAclWithOwnership();
      }
      await set(bucket, "ownership", ownership);
      return {};
    },

    async DeleteBucketOwnershipControls(input, _context) {
      const bucket = await bucketOf(deps, input.Bucket, input.ExpectedBucketOwner);
      await set(bucket, "ownership", undefined);
      return {};
    },

    async GetBucketRequestPayment(input, _context) {
      const bucket = await bucketOf(deps, input.Bucket, input.ExpectedBucketOwner);
      return { Payer: requesterPays(bucket) ? "Requester" : "BucketOwner" };
    },

    async PutBucketRequestPayment(input, _context) {
      const bucket = await bucketOf(deps, input.Bucket, input.ExpectedBucketOwner);
      const payer = input.RequestPaymentConfiguration?.Payer;
      if (payer !== "Requester" && payer !== "BucketOwner") throw errors.malformedXml();
      await set(bucket, REQUEST_PAYMENT, payer === "Requester" ? payer : undefined);
      return {};
    },

    async GetBucketCors(input, _context) {
      const bucket = await bucketOf(deps, input.Bucket, input.ExpectedBucketOwner);
      const text = bucket.settings["cors"];
      if (text === undefined) {
        throw errors.noSuchConfiguration(
          "NoSuchCORSConfiguration",
          "The CORS configuration does not exist",
          bucket.name,
        );
      }
      return { CORSRules: JSON.parse(text) as never };
    },

    async PutBucketCors(input, _context) {
      const bucket = await bucketOf(deps, input.Bucket, input.ExpectedBucketOwner);
      const rules = (input.CORSConfiguration?.CORSRules ?? []) as readonly CorsRule[];
      if (rules.length === 0 || rules.length > S3_LIMITS.corsRules) throw errors.malformedXml();
      for (const rule of rules) checkCorsRule(rule);
      await set(bucket, "cors", JSON.stringify(rules));
      return {};
    },

    async DeleteBucketCors(input, _context) {
      const bucket = await bucketOf(deps, input.Bucket, input.ExpectedBucketOwner);
      await set(bucket, "cors", undefined);
      return {};
    },

    async GetBucketWebsite(input, _context) {
      const bucket = await bucketOf(deps, input.Bucket, input.ExpectedBucketOwner);
      return websiteOf(bucket) as never;
    },

    async PutBucketWebsite(input, context) {
      const bucket = await bucketOf(deps, input.Bucket, input.ExpectedBucketOwner);
      checkWebsite(input.WebsiteConfiguration);
      await set(bucket, WEBSITE, JSON.stringify(input.WebsiteConfiguration));
      const { protocol, port } = new URL(context.endpoint);
      const host = `${bucket.name}.s3-website.localhost${port === "" ? "" : `:${port}`}`;
      return { [HINT]: `the website is at ${protocol}//${host}/` };
    },

    async DeleteBucketWebsite(input, _context) {
      const bucket = await bucketOf(deps, input.Bucket, input.ExpectedBucketOwner);
      await set(bucket, WEBSITE, undefined);
      return {};
    },

    async GetBucketEncryption(input, _context) {
      const bucket = await bucketOf(deps, input.Bucket, input.ExpectedBucketOwner);
      const blocked = bucket.settings["blockedEncryption"] as "NONE" | "SSE-C" | undefined;
      const BucketKeyEnabled = bucket.settings["encryption"] === "bucketKey";
      return {
        ServerSideEncryptionConfiguration: {
          Rules: [
            {
              ApplyServerSideEncryptionByDefault: { SSEAlgorithm: "AES256" },
              BucketKeyEnabled,
              ...(blocked === undefined ? {} : { BlockedEncryptionTypes: { EncryptionType: [blocked] } }),
            },
          ],
        },
      };
    },

    async PutBucketEncryption(input, _context) {
      const bucket = await bucketOf(deps, input.Bucket, input.ExpectedBucketOwner);
      const rules = input.ServerSideEncryptionConfiguration?.Rules ?? [];
      const [rule] = rules;
      const byDefault = rule?.ApplyServerSideEncryptionByDefault;
      if (rules.length !== 1 || byDefault === undefined) throw errors.malformedXml();
      if (byDefault.SSEAlgorithm !== "AES256") {
        throw errors.notServed("Default encryption with AWS KMS keys (SSE-KMS)");
      }
      if (byDefault.KMSMasterKeyID !== undefined) {
        throw errors.invalidArgument(
          "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse",
          "ApplyServerSideEncryptionByDefault",
        );
      }
      const blocked = rule?.BlockedEncryptionTypes?.EncryptionType ?? [];
      const [first] = blocked;
      if (blocked.length > 1 || (first !== undefined && first !== "NONE" && first !== "SSE-C")) {
        throw errors.malformedXml();
      }
      await set(bucket, "blockedEncryption", first);
      await set(bucket, "encryption", rule?.BucketKeyEnabled === true ? "bucketKey" : "AES256");
      return {};
    },

    async DeleteBucketEncryption(input, _context) {
      const bucket = await bucketOf(deps, input.Bucket, input.ExpectedBucketOwner);
      await set(bucket, "blockedEncryption", undefined);
      await set(bucket, "encryption", undefined);
      return {};
    },

    async GetBucketLifecycleConfiguration(input, _context) {
      const bucket = await bucketOf(deps, input.Bucket, input.ExpectedBucketOwner);
      const text = bucket.settings["lifecycle"];
      if (text === undefined) {
        throw errors.noSuchConfiguration(
          "NoSuchLifecycleConfiguration",
          "The lifecycle configuration does not exist",
          bucket.name,
        );
      }
      const { shown } = JSON.parse(text) as Lifecycle;
      return {
        Rules: (shown as LifecycleRuleInput[]).map(withDates) as never,
        TransitionDefaultMinimumObjectSize: minimumSizeOf(bucket),
      };
    },

    async PutBucketLifecycleConfiguration(input, context) {
      const bucket = await bucketOf(deps, input.Bucket, input.ExpectedBucketOwner);
      const sent = input.LifecycleConfiguration?.Rules as readonly LifecycleRuleInput[] | undefined;
      const lifecycle = readLifecycle(sent, () =>
        Buffer.from(context.random.hex(72), "hex").toString("base64url"),
      );
      const minimumSize = input.TransitionDefaultMinimumObjectSize ?? MINIMUM_SIZE;
      if (!MINIMUM_SIZES.has(minimumSize)) {
        throw errors.invalidRequest(`Invalid TransitionDefaultMinimumObjectSize found: ${minimumSize}`);
      }
      await set(bucket, "lifecycle", JSON.stringify({ ...lifecycle, minimumSize }));
      lifecycleChanged();
      return { TransitionDefaultMinimumObjectSize: minimumSize };
    },

    async DeleteBucketLifecycle(input, _context) {
      const bucket = await bucketOf(deps, input.Bucket, input.ExpectedBucketOwner);
      await set(bucket, "lifecycle", undefined);
      return {};
    },
  };
}

/** Errors: NoSuchBucketPolicy. */
function policyOf(bucket: Bucket): string {
  const text = bucket.settings["policy"];
  if (text !== undefined) return text;
  throw errors.noSuchConfiguration("NoSuchBucketPolicy", "The bucket policy does not exist", bucket.name);
}

/** Errors: InvalidRequest, MalformedXML. */
function checkCorsRule(rule: CorsRule): void {
  if (rule.AllowedMethods.length === 0 || rule.AllowedOrigins.length === 0) throw errors.malformedXml();
  for (const method of rule.AllowedMethods) {
    if (CORS_METHODS.has(method)) continue;
    throw errors.invalidRequest(
      `Found unsupported HTTP method in CORS config. Unsupported method is ${method}`,
    );
  }
  const wide = (text: string): boolean => text.split("*").length > 2;
  const origin = rule.AllowedOrigins.find(wide);
  if (origin !== undefined) {
    throw errors.invalidRequest(`AllowedOrigin "${origin}" can not have more than one wildcard.`);
  }
  const header = (rule.AllowedHeaders ?? []).find(wide);
  if (header !== undefined) {
    throw errors.invalidRequest(`AllowedHeader "${header}" can not have more than one wildcard.`);
  }
  const exposed = (rule.ExposeHeaders ?? []).find((name) => name.includes("*"));
  if (exposed !== undefined) {
    throw errors.invalidRequest(
      `ExposeHeader "${exposed}" contains wildcard. We currently do not support wildcard for ExposeHeader.`,
    );
  }
}

/** JSON keeps dates as text. */
function withDates(rule: LifecycleRuleInput): LifecycleRuleInput {
  const date = rule.Expiration?.Date;
  const transitions = rule.Transitions?.map((one) =>
    one.Date === undefined ? one : { ...one, Date: new Date(one.Date) },
  );
  return {
    ...rule,
    ...(date === undefined ? {} : { Expiration: { ...rule.Expiration, Date: new Date(date) } }),
    ...(transitions === undefined ? {} : { Transitions: transitions }),
  };
}

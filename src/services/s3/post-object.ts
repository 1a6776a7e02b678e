import type { FormAdmission, FormUpload, RawResponse } from "../../aws/service.ts";
import { parseXml } from "../../aws/protocol/xml-tree.ts";
import { receive } from "./bodies.ts";
import { DEFAULT_ALGORITHM } from "./checksums.ts";
import { type CustomerKey, keyCheckOf } from "./customer-key.ts";
import type { Deps } from "./deps.ts";
import * as errors from "./errors.ts";
import { readForm } from "./form-data.ts";
import { bucketOf } from "./lookup.ts";
import { quoted, S3_LIMITS, writtenVersion } from "./model.ts";
import { checkKey } from "./names.ts";
import { encryptionOf, metaOf, statedChecksum } from "./object-input.ts";
import { putReceived } from "./operations-objects.ts";
import { checkPays } from "./requester-pays.ts";
import { checkPostPolicy, type SizeRange } from "./post-policy.ts";
import type { Body } from "./bodies.ts";
import type { NewVersion } from "./object-store.ts";

/**
 * A browser's form makes an object: https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html
 *
 * 1. Read the fields up to the file. 2. Whoever signed the policy is the caller. 3. The policy must hold.
 * 4. The file becomes an object. 5. Answer as the form asks.
 */
export function createPostObject(
  deps: Deps,
): (upload: FormUpload, admit: FormAdmission) => Promise<RawResponse> {
  return async ({ bucket: name, contentType, body }, admit) => {
    const { fields, file } = await readForm(contentType, body);
    const bucket = await bucketOf(deps, name);
    const template = fields.get("key");
    if (template === undefined || template === "") {
      throw errors.invalidArgument(
        "Bucket POST must contain a field named 'key'.  If it is specified, please check the order of the fields.",
        "key",
        "",
      );
    }
    if (file === undefined) {
      throw errors.invalidArgument("POST requires exactly one file upload per request.", "file", 0);
    }
    const key = template.replaceAll("${filename}", file.name);
    checkKey(key);
    const input = inputOf(fields);
    const context = await admit(fields, { ...(input as object), Bucket: bucket.name, Key: key });
    const payer = { "x-amz-request-payer": fields.get("x-amz-request-payer") };
    checkPays(bucket, { ...context, headers: payer });
    const policy = fields.get("policy");
    const all = new Map([...fields, ["bucket", bucket.name]]);
    const sizes = policy === undefined ? undefined : checkPostPolicy(policy, all, context.clock.now());
    const customerKey = encryptionOf(bucket, input);
    // The form's own headers mean the request, not the object.
    const meta = {
      ...metaOf(bucket, key, input, { ...context, operation: "PostObject", headers: {} }),
      ...(customerKey === undefined ? {} : { customerKey: keyCheckOf(customerKey, context.random) }),
    };
    const stated = statedChecksum(input);
    const received = await receive(
      limited(file.body, sizes),
      {
        algorithm: stated?.algorithm ?? DEFAULT_ALGORITHM,
        checksum: stated?.value,
        inlineMax: S3_LIMITS.inlineBytes,
        key: customerKey,
      },
      deps,
    );
    const version = await putReceived(deps, context, bucket, key, {
      received,
      meta,
      event: "ObjectCreated:Post",
      conditions: {},
    });
    return answer(fields, { endpoint: context.endpoint, bucket: bucket.name, key, version, customerKey });
  };
}

/** Fields by the names of PutObject's members. */
function inputOf(fields: ReadonlyMap<string, string>): Record<string, never> {
  const names = {
    acl: "ACL",
    "cache-control": "CacheControl",
    "content-disposition": "ContentDisposition",
    "content-encoding": "ContentEncoding",
    "content-language": "ContentLanguage",
    "content-type": "ContentType",
    "x-amz-storage-class": "StorageClass",
    "x-amz-server-side-encryption": "ServerSideEncryption",
    "x-amz-server-side-encryption-customer-algorithm": "SSECustomerAlgorithm",
    "x-amz-server-side-encryption-customer-key": "SSECustomerKey",
    "x-amz-server-side-encryption-customer-key-MD5": "SSECustomerKeyMD5",
    "x-amz-website-redirect-location": "WebsiteRedirectLocation",
    "x-amz-checksum-crc32": "ChecksumCRC32",
    "x-amz-checksum-crc32c": "ChecksumCRC32C",
    "x-amz-checksum-crc64nvme": "ChecksumCRC64NVME",
    "x-amz-checksum-sha1": "ChecksumSHA1",
    "x-amz-checksum-sha256": "ChecksumSHA256",
  } as const;
  const input: Record<string, unknown> = {};
  for (const [field, member] of Object.entries(names)) {
    const value = fields.get(field.toLowerCase());
    if (value !== undefined) input[member] = value;
  }
  const expires = fields.get("expires");
  if (expires !== undefined) input["Expires"] = new Date(expires);
  const tagging = fields.get("tagging");
  if (tagging !== undefined) input["Tagging"] = taggingText(tagging);
  const meta = [...fields].filter(([field]) => field.startsWith("x-amz-meta-"));
  input["Metadata"] = Object.fromEntries(
    meta.map(([field, value]) => [
      field.slice("x-amz-meta-".length),
      Buffer.from(value, "utf8").toString("latin1"),
    ]),
  );
  return input as Record<string, never>;
}

/** The XML of a form's tags as the header would have it. Errors: MalformedXML. */
function taggingText(xml: string): string {
  try {
    const set = parseXml(xml).children.find((child) => child.name === "TagSet");
    const pairs = (set?.children ?? []).map((tag) => {
      const text = (name: string): string => tag.children.find((child) => child.name === name)?.text ?? "";
      return `${encodeURIComponent(text("Key"))}=${encodeURIComponent(text("Value"))}`;
    });
    return pairs.join("&");
  } catch {
    throw errors.malformedXml();
  }
}

/** Errors: EntityTooLarge, EntityTooSmall. */
async function* limited(body: Body, sizes: SizeRange | undefined): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    yield chunk;
  }
  if (sizes === undefined) return;
  if (bytes > sizes.max) throw errors.entityTooLarge(bytes, sizes.max);
  if (bytes < sizes.min) throw errors.postTooSmall(bytes, sizes.min);
}

interface Made {
  readonly endpoint: string;
  readonly bucket: string;
  readonly key: string;
  readonly version: NewVersion;
  readonly customerKey: CustomerKey | undefined;
}

function answer(fields: ReadonlyMap<string, string>, made: Made): RawResponse {
  const { endpoint, bucket, key, version, customerKey } = made;
  const etag = quoted(version.etag);
  const versionId = writtenVersion(version.versionId);
  const { checksum } = version.meta;
  const location = `${endpoint}/${bucket}/${encodeURIComponent(key)}`;
  const headers: Record<string, string> = {
    ETag: etag,
    Location: location,
    ...(customerKey === undefined
      ? { "x-amz-server-side-encryption": "AES256" }
      : {
          "x-amz-server-side-encryption-customer-algorithm": "AES256",
          "x-amz-server-side-encryption-customer-key-MD5": customerKey.md5,
        }),
    ...(versionId === undefined ? {} : { "x-amz-version-id": versionId }),
    ...(checksum === undefined
      ? {}
      : {
          [`x-amz-checksum-${checksum.algorithm.toLowerCase()}`]: checksum.value,
          "x-amz-checksum-type": checksum.type,
        }),
  };
  const redirect = fields.get("success_action_redirect") ?? fields.get("redirect");
  if (redirect !== undefined && URL.canParse(redirect)) {
    const url = new URL(redirect);
    for (const [name, value] of Object.entries({ bucket, key, etag })) url.searchParams.set(name, value);
    return { status: 303, headers: { ...headers, Location: url.href }, body: "" };
  }
  const asked = fields.get("success_action_status");
  if (asked !== "201") return { status: asked === "200" ? 200 : 204, headers, body: "" };
  const escaped = (text: string): string =>
    text.replaceAll(/[&<>]/gu, (character) => `&#${String(character.charCodeAt(0))};`);
  const body =
    `<?xml version="1.0" encoding="UTF-8"?>\n<PostResponse><Location>${escaped(location)}</Location>` +
    `<Bucket>${bucket}</Bucket><Key>${escaped(key)}</Key><ETag>${escaped(etag)}</ETag></PostResponse>`;
  return { status: 201, headers: { ...headers, "Content-Type": "application/xml" }, body };
}

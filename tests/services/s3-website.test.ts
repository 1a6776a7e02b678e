/** Buckets as websites: the configuration through the SDK, the pages as a browser asks for them. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import {
  CreateBucketCommand,
  DeleteBucketWebsiteCommand,
  DeletePublicAccessBlockCommand,
  GetBucketWebsiteCommand,
  PutBucketPolicyCommand,
  PutBucketWebsiteCommand,
  PutObjectCommand,
  S3Client,
  type WebsiteConfiguration,
} from "@aws-sdk/client-s3";
import { startServer } from "../e2e/server.ts";
import { refusal, serveS3 } from "./s3-fixture.ts";

interface Page {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** What a browser gets that was sent to the website of a bucket. */
function visit(
  endpoint: string,
  bucket: string,
  path: string,
  options: {
    readonly method?: string;
    readonly headers?: Record<string, string>;
    readonly zone?: string;
  } = {},
): Promise<Page> {
  const { port } = new URL(endpoint);
  const host = `${bucket}.${options.zone ?? "s3-website.localhost"}:${port}`;
  return new Promise((resolve, reject) => {
    const asking = request(
      {
        host: "127.0.0.1",
        port,
        path,
        method: options.method ?? "GET",
        headers: { host, ...options.headers },
      },
      (response) => {
        void text(response).then((body) => {
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body });
        }, reject);
      },
    );
    asking.once("error", reject);
    asking.end();
  });
}

/** A page of AWS's without the names of its request. */
function anonymized(body: string): string {
  return body
    .replace(/<li>RequestId: [^<]+<\/li>/u, "<li>RequestId: r</li>")
    .replace(/<li>HostId: [^<]+<\/li>/u, "<li>HostId: h</li>");
}

function expectedPage(title: string, items: readonly string[], custom: readonly string[] = []): string {
  const list = (lines: readonly string[]): string[] => [
    "<ul>",
    ...lines.map((line) => `<li>${line}</li>`),
    "</ul>",
  ];
  return [
    "<html>",
    `<head><title>${title}</title></head>`,
    "<body>",
    `<h1>${title}</h1>`,
    ...list([...items, "RequestId: r", "HostId: h"]),
    ...(custom.length === 0
      ? []
      : ["<h3>An Error Occurred While Attempting to Retrieve a Custom Error Document</h3>", ...list(custom)]),
    "<hr/>",
    "</body>",
    "</html>",
    "",
  ].join("\n");
}

test("a configuration is kept, shown and taken away", async (t) => {
  const s3 = (await serveS3(t)).client();
  const Bucket = "kept";
  await s3.send(new CreateBucketCommand({ Bucket }));
  const get = (): Promise<WebsiteConfiguration> => s3.send(new GetBucketWebsiteCommand({ Bucket }));
  const none = await refusal(get());
  assert.deepEqual(
    [none.status, none.code, none.message, none.fields["BucketName"]],
    [404, "NoSuchWebsiteConfiguration", "The specified bucket does not have a website configuration", Bucket],
  );
  await s3.send(new DeleteBucketWebsiteCommand({ Bucket }));
  const sent: WebsiteConfiguration = {
    IndexDocument: { Suffix: "index.html" },
    ErrorDocument: { Key: "error.html" },
    RoutingRules: [
      { Condition: { KeyPrefixEquals: "docs/" }, Redirect: { ReplaceKeyPrefixWith: "documents/" } },
    ],
  };
  await s3.send(new PutBucketWebsiteCommand({ Bucket, WebsiteConfiguration: sent }));
  const { IndexDocument, ErrorDocument, RoutingRules, RedirectAllRequestsTo } = await get();
  assert.deepEqual({ IndexDocument, ErrorDocument, RoutingRules }, sent);
  assert.equal(RedirectAllRequestsTo, undefined);
  await s3.send(new DeleteBucketWebsiteCommand({ Bucket }));
  assert.equal((await refusal(get())).code, "NoSuchWebsiteConfiguration");
});

test("configurations that cannot be are refused in AWS's words", async (t) => {
  const s3 = (await serveS3(t)).client();
  const Bucket = "refused";
  await s3.send(new CreateBucketCommand({ Bucket }));
  const index = { IndexDocument: { Suffix: "index.html" } };
  const protocol =
    "Invalid protocol, protocol can be http or https. If not defined the protocol will be selected automatically.";
  const rule = (one: object): object => ({ ...index, RoutingRules: [one] });
  const table: readonly (readonly [sent: object, code: string, message: RegExp | string])[] = [
    [{}, "InvalidArgument", /^A value for IndexDocument Suffix must be provided/u],
    [{ IndexDocument: { Suffix: "" } }, "InvalidArgument", "The IndexDocument Suffix is not well formed"],
    [{ IndexDocument: { Suffix: "a/b" } }, "InvalidArgument", "The IndexDocument Suffix is not well formed"],
    [{ ...index, ErrorDocument: { Key: "" } }, "MalformedXML", /^The XML you provided/u],
    [
      { ...index, RedirectAllRequestsTo: { HostName: "a" } },
      "InvalidArgument",
      "RedirectAllRequestsTo cannot be provided in conjunction with other Routing Rules.",
    ],
    [{ RedirectAllRequestsTo: { HostName: "a", Protocol: "ftp" } }, "InvalidRequest", protocol],
    [rule({ Redirect: { Protocol: "ftp" } }), "InvalidRequest", protocol],
    [
      rule({ Redirect: { ReplaceKeyWith: "a", ReplaceKeyPrefixWith: "b" } }),
      "InvalidRequest",
      "You can only define ReplaceKeyPrefix or ReplaceKey but not both.",
    ],
    [
      rule({ Condition: {}, Redirect: { HostName: "a" } }),
      "InvalidRequest",
      /^Condition cannot be empty\. To redirect all requests without a condition/u,
    ],
    [rule({ Redirect: { HttpRedirectCode: "200" } }), "InvalidRequest", /^The provided HTTP redirect code/u],
    [
      rule({ Condition: { HttpErrorCodeReturnedEquals: "200" }, Redirect: { HostName: "a" } }),
      "InvalidRequest",
      /^The provided HTTP error code/u,
    ],
    [
      { ...index, RoutingRules: Array.from({ length: 51 }, () => ({ Redirect: { HostName: "a" } })) },
      "InvalidRequest",
      /^51 routing rules provided/u,
    ],
  ];
  for (const [sent, code, message] of table) {
    const told = await refusal(s3.send(new PutBucketWebsiteCommand({ Bucket, WebsiteConfiguration: sent })));
    assert.equal(told.code, code, JSON.stringify(sent));
    if (typeof message === "string") assert.equal(told.message, message);
    else assert.match(told.message, message);
  }
});

test("pages, directories and errors are served as AWS serves them", async (t) => {
  const { endpoint, client } = await serveS3(t);
  const s3 = client();
  const Bucket = "my.site";
  const put = (Key: string, Body: string, more: object = {}): Promise<unknown> =>
    s3.send(new PutObjectCommand({ Bucket, Key, Body, ContentType: "text/html", ...more }));
  const see = (path: string, options?: Parameters<typeof visit>[3]): Promise<Page> =>
    visit(endpoint, Bucket, path, options);

  const noBucket = await see("/");
  assert.equal(noBucket.status, 404);
  assert.equal(
    anonymized(noBucket.body),
    expectedPage("404 Not Found", [
      "Code: NoSuchBucket",
      "Message: The specified bucket does not exist",
      `BucketName: ${Bucket}`,
    ]),
  );
  await s3.send(new CreateBucketCommand({ Bucket }));
  assert.equal(
    anonymized((await see("/a")).body),
    expectedPage("404 Not Found", [
      "Code: NoSuchWebsiteConfiguration",
      "Message: The specified bucket does not have a website configuration",
      `BucketName: ${Bucket}`,
    ]),
  );
  const configure = (WebsiteConfiguration: WebsiteConfiguration): Promise<unknown> =>
    s3.send(new PutBucketWebsiteCommand({ Bucket, WebsiteConfiguration }));
  await configure({ IndexDocument: { Suffix: "index.html" } });
  const missing = ["Code: NoSuchKey", "Message: The specified key does not exist.", "Key: index.html"];
  const noKey = await see("/");
  assert.equal(noKey.headers["content-type"], "text/html; charset=utf-8");
  assert.equal(noKey.headers["x-amz-error-code"], "NoSuchKey");
  assert.equal(noKey.headers["x-amz-error-detail-key"], "index.html");
  assert.equal(anonymized(noKey.body), expectedPage("404 Not Found", missing));

  await configure({ IndexDocument: { Suffix: "index.html" }, ErrorDocument: { Key: "error.html" } });
  assert.equal(
    anonymized((await see("/")).body),
    expectedPage("404 Not Found", missing, [...missing.slice(0, 2), "Key: error.html"]),
  );
  await put("error.html", "an error of ours");
  const custom = await see("/missing");
  assert.deepEqual([custom.status, custom.body], [404, "an error of ours"]);

  await put("index.html", "home", { Metadata: { by: "me" }, CacheControl: "max-age=7" });
  await put("docs/index.html", "docs");
  await put("a b.html", "spaced");
  for (const zone of [
    "s3-website.localhost",
    "s3-website.us-east-1.localhost",
    "s3-website-us-east-1.localhost",
  ]) {
    const home = await see("/", { zone });
    assert.deepEqual([home.status, home.body, home.headers["content-type"]], [200, "home", "text/html"]);
    assert.equal(home.headers["cache-control"], "max-age=7");
    assert.equal(home.headers["x-amz-meta-by"], "me");
  }
  assert.equal((await see("/docs/")).body, "docs");
  assert.equal((await see("/a%20b.html?x=1")).body, "spaced");
  const directory = await see("/docs");
  assert.deepEqual([directory.status, directory.headers["location"]], [302, "/docs/"]);
  assert.match(directory.body, /<li>Code: Found<\/li>\n<li>Message: Resource Found<\/li>/u);

  const head = await see("/", { method: "HEAD" });
  assert.deepEqual([head.status, head.body, head.headers["content-length"]], [200, "", "4"]);
  const same = await see("/", { headers: { "if-none-match": String(head.headers["etag"]) } });
  assert.deepEqual([same.status, same.body], [304, ""]);
  const part = await see("/", { headers: { range: "bytes=1-2" } });
  assert.deepEqual([part.status, part.body], [206, "om"]);
  for (const method of ["POST", "PUT", "DELETE"]) {
    const refused = await see("/index.html", { method });
    assert.equal(refused.status, 405);
    assert.equal(
      anonymized(refused.body),
      expectedPage("405 Method Not Allowed", [
        "Code: MethodNotAllowed",
        "Message: The specified method is not allowed against this resource.",
        `Method: ${method}`,
        "ResourceType: OBJECT",
      ]),
    );
  }
  // A link on another site's page leads here.
  assert.equal((await see("/", { headers: { "sec-fetch-site": "cross-site" } })).body, "home");
});

test("requests are sent on by objects, by rules and as a whole", async (t) => {
  const { endpoint, client } = await serveS3(t);
  const s3 = client();
  const Bucket = "turned";
  await s3.send(new CreateBucketCommand({ Bucket }));
  const configure = (WebsiteConfiguration: WebsiteConfiguration): Promise<unknown> =>
    s3.send(new PutBucketWebsiteCommand({ Bucket, WebsiteConfiguration }));
  const seen = async (path: string): Promise<readonly [number, unknown]> => {
    const { status, headers } = await visit(endpoint, Bucket, path);
    return [status, headers["location"]];
  };
  const here = `http://${Bucket}.s3-website.localhost:${new URL(endpoint).port}`;
  const IndexDocument = { Suffix: "index.html" };
  await configure({
    IndexDocument,
    RoutingRules: [
      { Condition: { KeyPrefixEquals: "docs/" }, Redirect: { ReplaceKeyPrefixWith: "documents/" } },
      { Condition: { KeyPrefixEquals: "bare/" }, Redirect: { ReplaceKeyPrefixWith: "" } },
      {
        Condition: { KeyPrefixEquals: "one/" },
        Redirect: { ReplaceKeyWith: "gone.html", HttpRedirectCode: "307", Protocol: "https" },
      },
      {
        Condition: { HttpErrorCodeReturnedEquals: "404", KeyPrefixEquals: "old/" },
        Redirect: { HostName: "old.example.com" },
      },
    ],
  });
  await s3.send(new PutObjectCommand({ Bucket, Key: "old/there", Body: "x" }));
  await s3.send(
    new PutObjectCommand({ Bucket, Key: "link", Body: "x", WebsiteRedirectLocation: "/elsewhere.html" }),
  );
  assert.deepEqual(await seen("/docs/a%20b"), [301, `${here}/documents/a%20b`]);
  assert.deepEqual(await seen("/bare/x"), [301, `${here}/x`]);
  assert.deepEqual(await seen("/one/x"), [307, `${here.replace("http:", "https:")}/gone.html`]);
  assert.deepEqual(await seen("/old/there"), [200, undefined]);
  assert.deepEqual(await seen("/old/missing"), [301, "http://old.example.com/old/missing"]);
  assert.deepEqual(await seen("/missing"), [404, undefined]);
  assert.deepEqual(await seen("/link"), [301, "/elsewhere.html"]);
  await configure({ RedirectAllRequestsTo: { HostName: "www.example.com", Protocol: "https" } });
  assert.deepEqual(await seen("/a/b"), [301, "https://www.example.com/a/b"]);
  assert.deepEqual(await seen("/"), [301, "https://www.example.com/"]);
});

test("where permissions are enforced, a website shows what everybody may read", async () => {
  await using server = await startServer({ flags: ["--iam", "enforce", "--pool", "0"] });
  const root = JSON.parse(await readFile(join(server.dataDir, "root-key.json"), "utf8")) as {
    accessKeyId: string;
    secretAccessKey: string;
  };
  const s3 = new S3Client({
    endpoint: server.endpoint,
    region: "us-east-1",
    credentials: root,
    forcePathStyle: true,
  });
  const Bucket = "public";
  try {
    await s3.send(new CreateBucketCommand({ Bucket }));
    await s3.send(new PutObjectCommand({ Bucket, Key: "index.html", Body: "home" }));
    await s3.send(
      new PutBucketWebsiteCommand({
        Bucket,
        WebsiteConfiguration: { IndexDocument: { Suffix: "index.html" } },
      }),
    );
    const closed = await visit(server.endpoint, Bucket, "/");
    assert.equal(closed.status, 403);
    assert.equal(
      anonymized(closed.body),
      expectedPage("403 Forbidden", ["Code: AccessDenied", "Message: Access Denied"]),
    );
    await s3.send(new DeletePublicAccessBlockCommand({ Bucket }));
    const Statement = [
      { Effect: "Allow", Principal: "*", Action: "s3:GetObject", Resource: `arn:aws:s3:::${Bucket}/*` },
    ];
    await s3.send(
      new PutBucketPolicyCommand({ Bucket, Policy: JSON.stringify({ Version: "2012-10-17", Statement }) }),
    );
    const open = await visit(server.endpoint, Bucket, "/");
    assert.deepEqual([open.status, open.body], [200, "home"]);
    // Who may not list the bucket is not told what is missing.
    assert.equal((await visit(server.endpoint, Bucket, "/missing")).status, 403);
  } finally {
    s3.destroy();
  }
});

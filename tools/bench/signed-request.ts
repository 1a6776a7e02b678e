import { createHash, createHmac } from "node:crypto";

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** One whole HTTP/1.1 request with an AWS Signature Version 4 header, as bytes. */
export function signedRequest(
  credentials: Credentials,
  target: {
    readonly method: string;
    readonly path: string;
    readonly port: number;
    readonly service: string;
    readonly region?: string;
  },
  body: string,
  headers: Readonly<Record<string, string>> = {},
): Buffer {
  const date = new Date().toISOString().replace(/[-:]|\.\d+/g, "");
  const day = date.slice(0, 8);
  const region = target.region ?? "us-east-1";
  const scope = `${day}/${region}/${target.service}/aws4_request`;
  const all: Record<string, string> = {
    host: `127.0.0.1:${String(target.port)}`,
    "x-amz-date": date,
    ...headers,
  };
  const names = Object.keys(all).toSorted();
  const [path = "", query = ""] = target.path.split("?");
  const canonical = [
    target.method,
    path.replaceAll("%", "%25"),
    query,
    ...names.map((name) => `${name}:${all[name] ?? ""}`),
    "",
    names.join(";"),
    headers["x-amz-content-sha256"] ?? createHash("sha256").update(body).digest("hex"),
  ].join("\n");
  const hmac = (key: Buffer | string, text: string): Buffer =>
    createHmac("sha256", key).update(text).digest();
  const key = hmac(
    hmac(hmac(hmac(`AWS4${credentials.secretAccessKey}`, day), region), target.service),
    "aws4_request",
  );
  const toSign = ["AWS4-HMAC-SHA256", date, scope, createHash("sha256").update(canonical).digest("hex")].join(
    "\n",
  );
  const signature = hmac(key, toSign).toString("hex");
  const authorization = `AWS4-HMAC-SHA256 Credential=${credentials.accessKeyId}/${scope}, SignedHeaders=${names.join(";")}, Signature=${signature}`;
  const lines = [
    `${target.method} ${target.path} HTTP/1.1`,
    ...Object.entries({ ...all, authorization, "content-length": String(Buffer.byteLength(body)) }).map(
      ([name, value]) => `${name}: ${value}`,
    ),
  ];
  return Buffer.from(`${lines.join("\r\n")}\r\n\r\n${body}`);
}

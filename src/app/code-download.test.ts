import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, get, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";
import { sendCode } from "./code-download.ts";

/** Asks a server that answers with these chunks. `closed` resolves when nobody reads them any more. */
async function download(
  t: TestContext,
  chunks: Iterable<Uint8Array>,
): Promise<{ answer: IncomingMessage; closed: Promise<void> }> {
  const closed = Promise.withResolvers<void>();
  async function* stream(): AsyncGenerator<Uint8Array> {
    try {
      yield* chunks;
    } finally {
      closed.resolve();
    }
  }
  const handle = async (): Promise<{
    stream: AsyncIterable<Uint8Array>;
    headers: Record<string, string>;
  }> => ({
    stream: stream(),
    headers: { "content-type": "application/zip" },
  });
  const server = createServer((_request, response) => void sendCode({ handle }, "/", response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const request = get({ port: (server.address() as AddressInfo).port, host: "127.0.0.1", agent: false });
  const [answer] = (await once(request, "response")) as [IncomingMessage];
  answer.on("error", () => undefined);
  return { answer, closed: closed.promise };
}

test("an archive arrives whole", async (t) => {
  const { answer } = await download(t, [Buffer.from("PK"), Buffer.from("zip")]);
  assert.equal(answer.headers["content-type"], "application/zip");
  assert.equal(Buffer.concat(await answer.toArray()).toString(), "PKzip");
});

test("a caller who leaves in the middle leaves no open file behind", { timeout: 10_000 }, async (t) => {
  function* endless(): Generator<Uint8Array> {
    for (;;) yield Buffer.alloc(256 * 1024);
  }
  const { answer, closed } = await download(t, endless());
  answer.destroy();
  await closed;
});

import type { ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import type { CodeDownloads } from "../lambda/control/code-downloads.ts";

/** Answers the link of GetFunction's Code.Location. A caller who leaves early leaves no open file behind. */
export async function sendCode(
  downloads: Pick<CodeDownloads, "handle">,
  path: string,
  response: ServerResponse,
): Promise<void> {
  try {
    const download = await downloads.handle(path);
    if (download === undefined)
      return void response.writeHead(403).end("The link has expired or is not valid.\n");
    response.writeHead(200, download.headers);
    await pipeline(download.stream, response);
  } catch {
    response.destroy();
  }
}

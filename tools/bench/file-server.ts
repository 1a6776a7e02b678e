/** What S3 is compared with: node:http that sends a file, or stores one and syncs it. Arguments: port, folder. */
import { createReadStream, createWriteStream, statSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import process from "node:process";
import { pipeline } from "node:stream";

const file = join(process.argv[3] ?? "", "object");

createServer((request, response) => {
  if (request.method === "PUT") {
    pipeline(request, createWriteStream(file, { flush: true }), (error) => {
      response.writeHead(error ? 500 : 200, { "content-length": 0 }).end();
    });
    return;
  }
  response.writeHead(200, { "content-length": statSync(file).size });
  pipeline(createReadStream(file), response, () => undefined);
}).listen(Number(process.argv[2]), "127.0.0.1");

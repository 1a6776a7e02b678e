/** The anchor: a plain node:http server that answers each POST with its own body. */
import { createServer } from "node:http";
import process from "node:process";

createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    const body = Buffer.concat(chunks);
    response.writeHead(200, { "content-type": "application/json", "content-length": body.length });
    response.end(body);
  });
}).listen(Number(process.argv[2]), "127.0.0.1");

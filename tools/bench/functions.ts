import { Writable } from "node:stream";
import yazl from "yazl";

/** A zip with one file, as bytes. */
export function zip(name: string, text: string): Promise<Buffer> {
  const file = new yazl.ZipFile();
  file.addBuffer(Buffer.from(text), name, { mode: 0o100755 });
  file.end();
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    file.outputStream.on("error", reject).pipe(
      new Writable({
        write(chunk: Buffer, _encoding, done) {
          chunks.push(chunk);
          done();
        },
        final(done) {
          resolve(Buffer.concat(chunks));
          done();
        },
      }),
    );
  });
}

export interface FunctionSource {
  readonly runtime: string;
  readonly file: string;
  readonly handler: string;
  readonly code: string;
}

export const NODE_ECHO: FunctionSource = {
  runtime: "nodejs24.x",
  file: "index.mjs",
  handler: "index.handler",
  code: "export const handler = async (event) => event;\n",
};
export const PYTHON_ECHO: FunctionSource = {
  runtime: "python3.11",
  file: "app.py",
  handler: "app.handler",
  code: "def handler(event, context):\n    return event\n",
};
/** Answers which environment ran it, and holds it long enough that a burst must spread. */
export const NODE_WHO: FunctionSource = {
  ...NODE_ECHO,
  code: "const me = Math.random();\nexport const handler = () => new Promise((done) => setTimeout(() => done(me), 2000));\n",
};
export const PYTHON_WHO: FunctionSource = {
  ...PYTHON_ECHO,
  code: "import time, uuid\nME = str(uuid.uuid4())\ndef handler(event, context):\n    time.sleep(2)\n    return ME\n",
};

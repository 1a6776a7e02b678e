import { Writable } from "node:stream";
import yazl from "yazl";

export interface ZipEntry {
  readonly text: string;
  /** Unix permissions; 0644 unless given. */
  readonly mode?: number;
}

/** A function archive in memory. */
export function zip(entries: Readonly<Record<string, string | ZipEntry>>): Promise<Uint8Array> {
  const file = new yazl.ZipFile();
  for (const [name, entry] of Object.entries(entries)) {
    const { text, mode = 0o644 } = typeof entry === "string" ? { text: entry } : entry;
    file.addBuffer(Buffer.from(text), name, { mode: 0o100000 | mode });
  }
  file.end();
  const chunks: Buffer[] = [];
  return new Promise((resolve, reject) => {
    file.outputStream.on("error", reject).pipe(
      new Writable({
        write(chunk: Buffer, _encoding, done) {
          chunks.push(chunk);
          done();
        },
        final(done) {
          resolve(new Uint8Array(Buffer.concat(chunks)));
          done();
        },
      }),
    );
  });
}

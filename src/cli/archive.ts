/** A code archive of one file. */
export async function archiveOf(name: string, text: string): Promise<Buffer> {
  // Read by its first use: most commands make no archive.
  const { ZipFile } = (await import("yazl")).default;
  const zip = new ZipFile();
  zip.addBuffer(Buffer.from(text), name);
  zip.end();
  const chunks: Buffer[] = [];
  for await (const chunk of zip.outputStream as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

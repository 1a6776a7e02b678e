/**
 * What an entry of an archive holds, checked against what the archive says of it: size and CRC. yauzl checks
 * sizes of streams and no CRC, and a stream an entry costs more than most entries of a function's package
 * are worth; so small ones are inflated in one step.
 */
import { Transform, type Readable } from "node:stream";
import { crc32, inflateRawSync } from "node:zlib";
import type { Entry, ZipFile } from "yauzl";

/** Inflating this much takes about 0.3 ms of the event loop's turn. */
const SMALL_BYTES_MAX = 64 * 1024;
const LOCAL_HEADER_BYTES = 30;
const LOCAL_HEADER_MAGIC = 0x04034b50;
const DEFLATE = 8;
const CHUNK_BYTES_MIN = 64;

/** The whole entry, or undefined when it is too large for one step. Errors: Error, told in a few words. */
export function smallContent(archive: Buffer, entry: Entry): Buffer | undefined {
  if (entry.uncompressedSize > SMALL_BYTES_MAX || entry.compressedSize > SMALL_BYTES_MAX) return undefined;
  const header = entry.relativeOffsetOfLocalHeader;
  if (header + LOCAL_HEADER_BYTES > archive.length || archive.readUInt32LE(header) !== LOCAL_HEADER_MAGIC)
    throw new Error(`${entry.fileName} is not where the directory says`);
  const start =
    header + LOCAL_HEADER_BYTES + archive.readUInt16LE(header + 26) + archive.readUInt16LE(header + 28);
  const end = start + entry.compressedSize;
  if (end > archive.length) throw new Error(`${entry.fileName} is cut off`);
  const packed = archive.subarray(start, end);
  const content = entry.compressionMethod === DEFLATE ? inflate(packed, entry) : packed;
  if (content.length !== entry.uncompressedSize) throw wrongSize(entry);
  if (crc32(content) !== entry.crc32 >>> 0) throw wrongCrc(entry);
  return content;
}

function inflate(packed: Buffer, entry: Entry): Buffer {
  try {
    const bytes = entry.uncompressedSize;
    // One byte more than needed, or a second chunk would be made to see that nothing comes. Chunks of zlib's
    // own size (16 KB) for small files had the collector go through the whole heap every few hundred entries.
    const chunkSize = Math.max(CHUNK_BYTES_MIN, bytes + 1);
    return inflateRawSync(packed, { maxOutputLength: Math.max(1, bytes), chunkSize });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE") throw wrongSize(entry);
    throw new Error(`${entry.fileName}: ${(error as Error).message}`, { cause: error });
  }
}

/** The entry as a stream that fails at its end when its size or CRC is wrong. */
export function contentStream(file: ZipFile, entry: Entry): Promise<Readable> {
  return new Promise((resolve, reject) => {
    file.openReadStream(entry, (error, stream) => {
      if (error !== null) return reject(error);
      let sum = 0;
      const checked = new Transform({
        transform(chunk: Buffer, _encoding, done) {
          sum = crc32(chunk, sum);
          done(null, chunk);
        },
        flush(done) {
          done(sum === entry.crc32 >>> 0 ? null : wrongCrc(entry));
        },
      });
      stream.on("error", (fault) => checked.destroy(fault));
      checked.on("close", () => stream.destroy());
      resolve(stream.pipe(checked));
    });
  });
}

function wrongSize(entry: Entry): Error {
  return new Error(`${entry.fileName} has another size than the archive says`);
}

function wrongCrc(entry: Entry): Error {
  return new Error(`${entry.fileName} has another CRC than the archive says`);
}

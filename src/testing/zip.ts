/**
 * Archives for tests, written byte by byte: the ordinary ones of functions, and those that no honest
 * packer makes. Sizes stay below 4 GB and 65,535 entries, so no ZIP64.
 */
import { crc32, deflateRawSync } from "node:zlib";

export interface ZipEntry {
  readonly text: string | Uint8Array;
  /** Unix permissions; 0644 unless given. */
  readonly mode?: number;
}

/** A function's archive: file names and contents. */
export function zip(entries: Readonly<Record<string, string | Uint8Array | ZipEntry>>): Uint8Array {
  return rawZip(
    Object.entries(entries).map(([name, entry]) => {
      const { text, mode = 0o644 }: ZipEntry =
        typeof entry === "string" || entry instanceof Uint8Array ? { text: entry } : entry;
      return { name, body: text, mode: 0o100000 | mode };
    }),
  );
}

export interface RawEntry {
  readonly name: string;
  readonly body?: string | Uint8Array;
  /** Unix st_mode, file type included; left out: made on DOS. */
  readonly mode?: number;
  readonly flags?: number;
  /** 8 deflates (the default), 0 stores; any other number is only claimed. */
  readonly method?: number;
  /** What the headers claim instead of the truth. */
  readonly claimedBytes?: number;
  readonly claimedCrc32?: number;
}

export function rawZip(entries: readonly RawEntry[]): Uint8Array {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const entry of entries) {
    const name = Buffer.from(entry.name);
    const body = Buffer.from(entry.body ?? "");
    const method = entry.method ?? 8;
    const packed = method === 8 ? deflateRawSync(body) : body;
    const fields = Buffer.alloc(26);
    fields.writeUInt16LE(20, 0);
    fields.writeUInt16LE((entry.flags ?? 0) | 0x800, 2);
    fields.writeUInt16LE(method, 4);
    fields.writeUInt16LE(0x21, 8);
    fields.writeUInt32LE(entry.claimedCrc32 ?? crc32(body), 10);
    fields.writeUInt32LE(packed.length, 14);
    fields.writeUInt32LE(entry.claimedBytes ?? body.length, 18);
    fields.writeUInt16LE(name.length, 22);
    parts.push(Buffer.from("PK\x03\x04", "latin1"), fields, name, packed);
    const made = Buffer.from([20, entry.mode === undefined ? 0 : 3]);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(((entry.mode ?? 0) << 16) >>> 0, 6);
    tail.writeUInt32LE(offset, 10);
    directory.push(Buffer.from("PK\x01\x02", "latin1"), made, fields, tail, name);
    offset += 30 + name.length + packed.length;
  }
  const central = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06", "latin1");
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, central, end]);
}

/**
 * Unpacked code: each archive is unpacked once per SHA-256 into a read-only folder and mounted from
 * there; never copied per environment.
 * Errors: ServiceError InvalidParameterValueException (400) in AWS's words for an archive that
 * cannot or must not be unpacked (not a zip, over 250 MB unzipped, an entry outside, …).
 */
export interface CodeCache {
  /** Absolute path of the folder, complete when this resolves. Concurrent calls share the work. */
  prepare(sha256: string): Promise<string>;
  /** Removes the folder if nothing uses it. */
  evict(sha256: string): Promise<void>;
}

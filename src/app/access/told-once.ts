/** What the log has been told already, so that a busy function says each thing once. */
export class ToldOnce {
  /** By group: what was told of it. */
  readonly #groups = new Map<string, Set<string>>();

  /**
   * `new` to say it, `last` to say it and that no more of this group will be told, undefined when it
   * was said. Groups are bounded: a function that reads a million objects has one missing permission.
   */
  news(group: string, what: string): "new" | "last" | undefined {
    let told = this.#groups.get(group);
    if (told === undefined) {
      if (this.#groups.size >= GROUPS_MAX) this.#groups.clear();
      this.#groups.set(group, (told = new Set()));
    }
    if (told.size >= EACH_MAX || told.has(what)) return undefined;
    told.add(what);
    return told.size === EACH_MAX ? "last" : "new";
  }
}

const GROUPS_MAX = 2000;
const EACH_MAX = 20;

/** An operation as the command line of the AWS CLI that does the same. Pure. */
import type { Operation } from "./sample.ts";

/** What the AWS CLI calls a service, where it is not our own name. */
const CLI_NAMES: Readonly<Record<string, string>> = { s3: "s3api" };
/** Members that are files on a command line. */
const FILES: ReadonlySet<string> = new Set(["Body", "ZipFile"]);

export function shownCommand([service, operation, input = {}]: Operation): string {
  const words = ["aws", CLI_NAMES[service] ?? service, kebab(operation)];
  for (const [member, value] of Object.entries(input)) words.push(...shownArgument(member, value));
  if (operation === "Invoke") words.push("--cli-binary-format raw-in-base64-out response.json");
  return words.join(" ");
}

function shownArgument(member: string, value: unknown): string[] {
  const name = `--${kebab(member)}`;
  // The one archive is an argument of its own on a command line.
  if (member === "Code") return ["--zip-file fileb://function.zip"];
  if (value === true) return [name];
  if (value === false) return [`--no-${kebab(member)}`];
  if (FILES.has(member)) return [name, String(value).replace(/^file:/, "")];
  if (Array.isArray(value) && value.every((item) => typeof item === "string")) {
    return [name, ...value.map(quoted)];
  }
  return [name, quoted(typeof value === "object" ? JSON.stringify(value) : String(value))];
}

/** Operations and members as the AWS CLI spells them: `CreateQueue` is `create-queue`. */
export function kebab(name: string): string {
  return name
    .replaceAll(/([a-z0-9])([A-Z])/g, "$1-$2")
    .replaceAll(/([A-Z])([A-Z][a-z])/g, "$1-$2")
    .toLowerCase();
}

/** As a shell reads it back. */
function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

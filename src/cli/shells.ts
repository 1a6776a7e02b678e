/** What `lambent env` prints, in the words of each shell. */
import { basename } from "node:path";
import { userError } from "./fault.ts";

export type Shell = "bash" | "zsh" | "fish" | "powershell";
const SHELLS: readonly Shell[] = ["bash", "zsh", "fish", "powershell"];

/**
 * Variables as commands of a shell, and a function in front of `aws`: versions before 1.29 and 2.13 do not
 * read AWS_ENDPOINT_URL, and version 1 goes past it for SQS in every region it knows. Each would call AWS
 * itself. An endpoint that is typed after it wins.
 *
 * @param self how this command was started: as `lambent` it can then be typed from any folder
 *
 * Every POSIX command ends in a semicolon, so that an eval without quotes works as well.
 */
export function renderEnvironment(
  variables: Readonly<Record<string, string>>,
  unset: readonly string[],
  shell: Shell,
  self: readonly string[],
): string {
  const set = Object.entries(variables);
  switch (shell) {
    case "fish":
      return [
        ...set.map(([name, value]) => `set -gx ${name} ${singleQuoted(value, String.raw`\'`)}`),
        ...unset.map((name) => `set -e ${name}`),
        set.length === 0 ? "functions -e aws lambent" : fishFunctions(self),
      ].join("\n");
    case "powershell":
      return [
        ...set.map(([name, value]) => `$Env:${name} = ${singleQuoted(value, "''")}`),
        ...unset.map((name) => `Remove-Item -ErrorAction SilentlyContinue Env:${name}`),
        set.length === 0
          ? "Remove-Item -ErrorAction SilentlyContinue Function:aws"
          : "function aws { & (Get-Command aws -CommandType Application -TotalCount 1).Source --endpoint-url=$Env:AWS_ENDPOINT_URL @args }",
      ].join("\n");
    case "bash":
    case "zsh":
      return [
        ...set.map(([name, value]) => `export ${name}=${posixQuoted(value)};`),
        `unset ${unset.join(" ")};`,
        "unalias aws lambent 2>/dev/null || true;",
        set.length === 0 ? "unset -f aws lambent 2>/dev/null || true;" : posixFunctions(self),
      ].join("\n");
  }
}

/** Version 1 takes payloads as they are typed, and does not know the option with which version 2 is told to. */
function posixFunctions(self: readonly string[]): string {
  return [
    `lambent() { LAMBENT_TYPED=lambent ${self.map(posixQuoted).join(" ")} "$@"; };`,
    "aws() {",
    'if [ -z "${AWS_ENDPOINT_URL:-}" ]; then command aws "$@"; return; fi;',
    'case "$*" in *--cli-binary-format?raw-in-base64-out*) case "$(command aws --version 2>&1)" in aws-cli/1.*)',
    'for lambent_word in "$@"; do shift; case "$lambent_word" in',
    "--cli-binary-format|raw-in-base64-out|--cli-binary-format=raw-in-base64-out) ;;",
    '*) set -- "$@" "$lambent_word" ;; esac; done ;; esac ;; esac;',
    'AWS_EXECUTION_ENV="lambent-$$" command aws "--endpoint-url=$AWS_ENDPOINT_URL" "$@" ||',
    '{ set -- $?; lambent hints --of "$$" >&2 || true; return "$1"; }; };',
  ].join(" ");
}

/** The same for fish. */
function fishFunctions(self: readonly string[]): string {
  const command = self.map((word) => singleQuoted(word, String.raw`\'`)).join(" ");
  return [
    `function lambent; LAMBENT_TYPED=lambent ${command} $argv; end`,
    "function aws",
    "  if not set -q AWS_ENDPOINT_URL; command aws $argv; return; end",
    "  if string match -qr -- '--cli-binary-format.raw-in-base64-out' \"$argv\"; and string match -q 'aws-cli/1.*' (command aws --version 2>&1)",
    "    set -l words; for word in $argv; switch $word",
    "      case --cli-binary-format --cli-binary-format=raw-in-base64-out raw-in-base64-out",
    "      case '*'; set -a words $word",
    "    end; end; set argv $words",
    "  end",
    "  AWS_EXECUTION_ENV=lambent-$fish_pid command aws --endpoint-url=$AWS_ENDPOINT_URL $argv; and return",
    "  set -l code $status; lambent hints --of $fish_pid >&2; return $code",
    "end",
  ].join("\n");
}

function posixQuoted(value: string): string {
  return /^[\w./:@,%+=-]+$/.test(value) ? value : singleQuoted(value, String.raw`'\''`);
}

function singleQuoted(value: string, escapedQuote: string): string {
  const backslashes = escapedQuote === String.raw`\'` ? value.replaceAll("\\", "\\\\") : value;
  return `'${backslashes.replaceAll("'", escapedQuote)}'`;
}

export function shellOf(given: string | undefined, loginShell: string | undefined): Shell {
  if (given !== undefined) {
    const known = SHELLS.find((shell) => shell === given);
    if (known === undefined) throw userError(`"${given}" is not one of ${SHELLS.join(", ")}.`);
    return known;
  }
  const name = basename(loginShell ?? "bash");
  return SHELLS.find((shell) => shell === name) ?? "bash";
}

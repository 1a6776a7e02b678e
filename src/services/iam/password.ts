/**
 * What AWS asks of a password when the account has no policy of its own.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_passwords_account-policy.html
 */
const LENGTH_MIN = 8;
const KINDS_MIN = 3;

const KINDS: readonly (readonly [name: string, pattern: RegExp])[] = [
  ["uppercase letter", /[A-Z]/],
  ["lowercase letter", /[a-z]/],
  ["number", /\d/],
  ["symbol", /[^A-Za-z0-9]/],
];

/** What is wrong with it, in AWS's words. */
export function passwordViolation(password: string): string | undefined {
  if (password.length < LENGTH_MIN) return `Password should have a minimum length of ${String(LENGTH_MIN)}`;
  const missing = KINDS.filter(([, pattern]) => !pattern.test(password));
  const more = missing.length - (KINDS.length - KINDS_MIN);
  if (more <= 0) return undefined;
  const wanted = missing.map(([name]) => `Password should have at least one ${name}`).join(", ");
  return `Password should meet ${String(more)} more of the following requirements: ${wanted}`;
}

/**
 * Passwords of IAM users for the console, which is not here: that a user has one is kept, the password is not.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_passwords.html
 */
import type { LoginProfile as LoginProfileOutput } from "@aws-sdk/client-iam";
import type { Operations, RequestContext } from "../../aws/service.ts";
import { type Deps, entityOf, keyOf, userNameOf } from "./deps.ts";
import * as errors from "./errors.ts";
import type { LoginProfile } from "./login-profile-store.ts";
import { type Entity, wholeSeconds } from "./model.ts";
import { passwordViolation } from "./password.ts";

type LoginProfileOperations = Operations<typeof import("@aws-sdk/client-iam")>;

export function loginProfileOperations(deps: Deps): LoginProfileOperations {
  const { loginProfiles } = deps;

  /** Errors: NoSuchEntity, ValidationError. */
  async function userOf(context: RequestContext, given: string | undefined): Promise<Entity> {
    // The account's own password is not among those of its users.
    if (given === undefined && context.caller.kind === "root") throw errors.loginProfileNotFound("null");
    return entityOf(deps, keyOf(context, "user", userNameOf(context, given)));
  }

  return {
    async CreateLoginProfile(input, context) {
      const user = await userOf(context, input.UserName);
      if (input.Password === undefined) throw errors.validationError("Must specify Password");
      if ((await loginProfiles.find(user.id)) !== undefined) throw errors.loginProfileExists(user.name);
      checkPassword(input.Password);
      const profile: LoginProfile = {
        userId: user.id,
        resetRequired: input.PasswordResetRequired === true,
        createdAt: wholeSeconds(context.clock.now()),
      };
      if (!(await loginProfiles.create(profile))) throw errors.loginProfileExists(user.name);
      return { LoginProfile: output(user, profile) };
    },

    async GetLoginProfile(input, context) {
      const user = await userOf(context, input.UserName);
      const profile = await loginProfiles.find(user.id);
      if (profile === undefined) throw errors.loginProfileNotFound(user.name);
      return { LoginProfile: output(user, profile) };
    },

    async UpdateLoginProfile(input, context) {
      const user = await userOf(context, input.UserName);
      const profile = await loginProfiles.find(user.id);
      if (profile === undefined) throw errors.loginProfileNotFound(user.name);
      if (input.Password !== undefined) checkPassword(input.Password);
      const isReset = input.PasswordResetRequired ?? profile.resetRequired;
      if (!(await loginProfiles.setResetRequired(user.id, isReset)))
        throw errors.loginProfileNotFound(user.name);
      return {};
    },

    async DeleteLoginProfile(input, context) {
      const user = await userOf(context, input.UserName);
      if (!(await loginProfiles.delete(user.id))) throw errors.loginProfileNotFound(user.name);
      return {};
    },
  };
}

/** Errors: PasswordPolicyViolation. */
function checkPassword(password: string): void {
  const violation = passwordViolation(password);
  if (violation !== undefined) throw errors.passwordPolicyViolation(violation);
}

function output(user: Entity, profile: LoginProfile): LoginProfileOutput {
  return {
    UserName: user.name,
    CreateDate: new Date(profile.createdAt),
    PasswordResetRequired: profile.resetRequired,
  };
}

/**
 * What nobody has here (MFA devices, certificates, providers): who looks is told so, and who
 * takes a user apart first (Terraform's `force_destroy`) gets to its end. Making one is not implemented.
 */
import type { Operations, RequestContext } from "../../aws/service.ts";
import { type Deps, entityOf, keyOf, userNameOf } from "./deps.ts";

type NothingOperations = Operations<typeof import("@aws-sdk/client-iam")>;

const ONE_PAGE = { IsTruncated: false };

export function nothingOperations(deps: Deps): NothingOperations {
  /** The account's root, too, has nothing. Errors: NoSuchEntity, ValidationError. */
  async function checkUser(context: RequestContext, given: string | undefined): Promise<void> {
    if (given === undefined && context.caller.kind === "root") return;
    await entityOf(deps, keyOf(context, "user", userNameOf(context, given)));
  }

  return {
    async ListMFADevices(input, context) {
      await checkUser(context, input.UserName);
      return { MFADevices: [], ...ONE_PAGE };
    },
    async ListSSHPublicKeys(input, context) {
      await checkUser(context, input.UserName);
      return { SSHPublicKeys: [], ...ONE_PAGE };
    },
    async ListSigningCertificates(input, context) {
      await checkUser(context, input.UserName);
      return { Certificates: [], ...ONE_PAGE };
    },

    ListVirtualMFADevices: () => ({ VirtualMFADevices: [], ...ONE_PAGE }),
    ListAccountAliases: () => ({ AccountAliases: [], ...ONE_PAGE }),
    ListServerCertificates: () => ({ ServerCertificateMetadataList: [], ...ONE_PAGE }),
    ListSAMLProviders: () => ({ SAMLProviderList: [] }),
    ListOpenIDConnectProviders: () => ({ OpenIDConnectProviderList: [] }),
  };
}

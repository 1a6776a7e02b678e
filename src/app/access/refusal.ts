/** AccessDenied as each service spells it: code, status, and the parts of the sentence. */
import { type Denial, reasonOf, remedyOf } from "../../authorize/denial.ts";
import type { Request } from "../../authorize/policy.ts";
import { serviceRow } from "../../aws/model/model.ts";
import { ServiceError } from "../../kernel/errors.ts";

interface Spelling {
  readonly code: string;
  readonly status: number;
  readonly action?: (action: string) => string;
  readonly resource?: (arn: string, action: string) => string;
}

/** Actions whose resource IAM shows as an ARN: it is to be made, handed over, or no single one. */
const SHOWN_AS_ARN =
  /^iam:(?:Create(?:Role|User|Group|InstanceProfile|ServiceLinkedRole)|PassRole|List(?:Roles|Users|Groups|Policies|InstanceProfiles)|Simulate.*)$/;

/** Of entities that are there IAM speaks by kind and name: `role build`, `policy arn:…`. */
function iamResource(arn: string, action: string): string {
  const [kind = "", ...path] = (arn.split(":")[5] ?? "").split("/");
  if (path.length === 0 || SHOWN_AS_ARN.test(action)) return arn;
  if (kind === "policy" && action !== "iam:CreatePolicy") return `policy ${arn}`;
  return `${kind.replace("-", " ")} ${path.at(-1) ?? ""}`;
}

const SPELLINGS: Readonly<Record<string, Spelling>> = {
  s3: { code: "AccessDenied", status: 403, resource: (arn) => JSON.stringify(arn) },
  sns: { code: "AuthorizationError", status: 403, action: (action) => action.replace(/^sns:/, "SNS:") },
  sqs: { code: "AccessDenied", status: 403, action: (action) => action.toLowerCase() },
  iam: { code: "AccessDenied", status: 403, resource: iamResource },
};

function spellingOf(service: string): Spelling {
  const known = SPELLINGS[service];
  if (known !== undefined) return known;
  const protocol = serviceRow(service)?.protocols[0] ?? "restJson1";
  if (protocol === "awsQuery" || protocol === "restXml") return { code: "AccessDenied", status: 403 };
  // REST services refuse with 403, those of the JSON protocols with 400, as they do everything.
  return { code: "AccessDeniedException", status: protocol === "restJson1" ? 403 : 400 };
}

/** The sentence goes onto the wire, the way out beside it. */
export function refusalOf(
  service: string,
  request: Request,
  denial: Denial,
  isForeign: boolean,
): ServiceError {
  const { code, status } = spellingOf(service);
  return new ServiceError(code, status, sentence(service, request, denial, isForeign), {
    hint: remedyOf(request, denial),
  });
}

function sentence(service: string, request: Request, denial: Denial, isForeign: boolean): string {
  const { principal } = request;
  // To strangers S3 says no more than this.
  if (service === "s3" && (isForeign || principal.kind === "anonymous")) return "Access Denied";
  const { action: spelled, resource: shown } = spellingOf(service);
  const action = spelled?.(request.action) ?? request.action;
  const what = `User: ${principal.arn} is not authorized to perform: ${action}`;
  if (service === "s3" && request.resource === "*") return `${what} ${reasonOf(denial, action, isForeign)}`;
  const on = `${what} on resource: ${shown?.(request.resource, request.action) ?? request.resource}`;
  // Of AssumeRole AWS never says which policy it was.
  return request.action === "sts:AssumeRole" ? on : `${on} ${reasonOf(denial, action, isForeign)}`;
}

/** The other services of this very process, asked as a role or as an AWS service. */
import type { Dispatch, DispatchCall } from "../../aws/dispatch.ts";
import { partitionOf, type Scope } from "../../kernel/scope.ts";
import type { PeerCall, PeerIdentity, Peers } from "../../ports/peers.ts";

/** `dispatch` is asked for late: services hold Peers before all services are there. */
export function createPeers(dispatch: () => Dispatch): Peers {
  return {
    call: (call) => dispatch().call(dispatched(call)),
    permit: (call) => dispatch().permit(dispatched(call)),
  };
}

function dispatched({
  service,
  operation,
  input,
  scope,
  as,
  traceHeader,
  signal,
  onHint,
}: PeerCall): DispatchCall {
  return {
    service,
    operation,
    input: { ...input },
    scope,
    caller: callerOf(as, scope),
    ...(traceHeader === undefined ? {} : { traceHeader }),
    ...(signal === undefined ? {} : { signal }),
    ...(onHint === undefined ? {} : { onHint }),
  };
}

type Caller = DispatchCall["caller"];

/** What STS would have said of the session: `arn:aws:sts::…:assumed-role/<role>/<session>`. */
function callerOf(as: PeerIdentity, scope: Scope): Caller {
  if (as.kind === "caller") return as.caller;
  if (as.kind === "service") {
    return {
      kind: "service",
      accessKeyId: undefined,
      arn: as.principal,
      userId: as.principal,
      verified: true,
      source: { arn: as.sourceArn, accountId: as.sourceAccount },
    };
  }
  const [, , , , accountId = scope.accountId, resource = ""] = as.arn.split(":");
  const roleName = resource.slice(resource.lastIndexOf("/") + 1);
  return {
    kind: "role",
    accessKeyId: undefined,
    arn: `arn:${partitionOf(scope.region)}:sts::${accountId}:assumed-role/${roleName}/${as.sessionName}`,
    userId: `${roleName}:${as.sessionName}`,
    verified: true,
  };
}

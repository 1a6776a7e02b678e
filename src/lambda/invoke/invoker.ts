import { performance } from "node:perf_hooks";
import { availableParallelism, cpus, freemem, totalmem } from "node:os";
import type { Clock } from "../../kernel/clock.ts";
import { ServiceError } from "../../kernel/errors.ts";
import { LIMITS } from "../../kernel/limits.ts";
import type { Logger } from "../../kernel/log.ts";
import type { Random } from "../../kernel/random.ts";
import { partitionOf } from "../../kernel/scope.ts";
import type { CodeCache } from "../../ports/code-cache.ts";
import type { CredentialIssuer } from "../../ports/credentials.ts";
import type { LogSink } from "../../ports/log-sink.ts";
import type { RuntimeCatalog } from "../../ports/runtime-catalog.ts";
import type { SandboxDriver } from "../../ports/sandbox-driver.ts";
import type { FunctionChangeListener, FunctionResolver, ResolvedFunction } from "../control/types.ts";
import { recursiveInvocation } from "../control/errors.ts";
import { MEMORY_READ_MS, type HostCpu, type HostMemory } from "../environment/admission.ts";
import type { EndpointConnectionHandler } from "../environment/environment-deps.ts";
import type { EnvironmentsOptions } from "../environment/deps.ts";
import { Environments } from "../environment/environments.ts";
import type { FreshProcess } from "../environment/launch.ts";
import type { FinishedInvocation, Invocation, RunResult } from "../environment/invocation.ts";
import type {
  AsyncInvokeRequest,
  FunctionInvoker,
  InvocationOutcome,
  InvokeRequest,
} from "../model/invocation.ts";
import { further, isLoop, lineageOf, withLineage } from "../model/lineage.ts";
import { newTraceHeader } from "../model/trace-header.ts";
import { EventBus } from "../observe/event-bus.ts";
import { Metrics } from "../observe/metrics.ts";
import { ConcurrencyLimiter, type Permit } from "./limiter.ts";

export interface InvokerDeps {
  readonly resolver: FunctionResolver;
  readonly driver: SandboxDriver;
  readonly catalog: RuntimeCatalog;
  readonly codeCache: CodeCache;
  readonly credentials: CredentialIssuer;
  readonly logs: LogSink;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Port of the endpoint, the same inside and outside the sandboxes. */
  readonly endpointPort: number;
  /** Overrides of the defaults below. */
  readonly options?: Partial<Omit<EnvironmentsOptions, "endpointPort">>;
  /** Functions with NODE_OPTIONS and the like; the runtimes adapter knows which. */
  readonly freshProcess?: FreshProcess;
  readonly hostMemory?: () => HostMemory;
  readonly hostCpu?: () => HostCpu;
  /** Gets every connection that a function opens to the endpoint from inside its sandbox. */
  readonly onEndpointConnection?: EndpointConnectionHandler;
  readonly asyncQueue?: { enqueue(request: AsyncInvokeRequest): Promise<string> };
}

/** Everything the composition needs of the data plane. */
export interface DataPlane extends FunctionInvoker {
  readonly metrics: Metrics;
  /** Finished invocations, for `lambent logs -f` and the console. */
  readonly events: EventBus;
  readonly environments: Environments;
  /** Hand it to control: environments of changed and deleted functions are drained. */
  readonly onFunctionChange: FunctionChangeListener;
  /** Boots interpreters for these runtimes in the background. */
  warm(runtimes: readonly string[]): Promise<void>;
  renderPrometheus(): string;
  /** Set when the queue is made after the invoker (the two need each other). */
  useAsyncQueue(queue: { enqueue(request: AsyncInvokeRequest): Promise<string> }): void;
  /** Takes no new invocations, lets those under way end within `drainMs`, then stops all environments. */
  close(drainMs: number): Promise<void>;
}

const DEFAULTS: Omit<EnvironmentsOptions, "endpointPort"> = {
  environmentsMax: 4000,
  startsMax: 8,
  poolSize: 2,
  poolMax: 6,
  idleReapMs: 10 * 60_000,
  freezeAfterMs: 25,
  initMs: LIMITS.initSeconds * 1000,
  saturatedWaitMs: 1000,
  // As many as one account may have under way: a burst of quick calls is served, in turn.
  saturatedWaitersMax: LIMITS.concurrentExecutions,
  awakeMax: availableParallelism(),
  staysAwake: availableParallelism() > 1,
  servedMax: 100_000,
  network: "egress",
};

const NEVER_FRESH: FreshProcess = { needsFreshProcess: () => [], freshLaunch: (launch) => launch };

/**
 * The straight line of an invocation:
 *   1. resolve the qualifier to a version             (ResourceNotFoundException, …)
 *   2. count on in the chain of events it belongs to  (RecursiveInvocationException)
 *   3. take a concurrency permit                      (TooManyRequestsException)
 *   4. lease an environment of that version           (ServiceException when the host is full)
 *   5. run                                            the function's own failures are values
 *   6. give environment and permit back
 */
export function createInvoker(deps: InvokerDeps): DataPlane {
  const metrics = new Metrics();
  const events = new EventBus();
  const limiter = new ConcurrencyLimiter();
  const environments = new Environments({
    driver: deps.driver,
    catalog: deps.catalog,
    codeCache: deps.codeCache,
    credentials: deps.credentials,
    logs: deps.logs,
    clock: deps.clock,
    random: deps.random,
    log: deps.log,
    metrics,
    options: { ...DEFAULTS, ...deps.options, endpointPort: deps.endpointPort },
    ...(deps.freshProcess ?? NEVER_FRESH),
    hostMemory: deps.hostMemory ?? cachedHostMemory(deps.clock),
    hostCpu: deps.hostCpu ?? sampledHostCpu(deps.clock),
    onEndpointConnection: deps.onEndpointConnection,
    countStart: (functionArn, nowMs) => limiter.countStart(functionArn, nowMs),
  });
  metrics.addGauge({
    name: "lambent_environments",
    help: "Execution environments by state",
    read: () =>
      [...environments.countByState()].map(([state, value]) => ({ labels: `state="${state}"`, value })),
  });
  metrics.addGauge({
    name: "lambent_pool_environments",
    help: "Booted runtimes that wait for a function",
    read: () =>
      [...environments.pooledByRuntime()].map(([runtime, value]) => ({
        labels: `runtime="${runtime}"`,
        value,
      })),
  });
  let { asyncQueue } = deps;

  function run(
    request: InvokeRequest,
    requestId: string,
    resolved: ResolvedFunction,
  ): Promise<InvocationOutcome> {
    let { traceHeader } = request;
    if (traceHeader !== undefined) {
      const { lineageResource, isRecursionAllowed } = resolved;
      const lineage = further(lineageOf(traceHeader), lineageResource);
      if (isLoop(lineage, lineageResource) && !isRecursionAllowed) return Promise.reject(stopped(resolved));
      traceHeader = withLineage(traceHeader, lineage);
    }
    let permit: Permit;
    try {
      permit = limiter.acquire(resolved);
    } catch (error) {
      metrics.throttles += 1;
      return Promise.reject(error as ServiceError);
    }
    return new Promise((resolve, reject) => {
      environments.run(
        resolved.version,
        new RunningInvocation(request, resolved, requestId, permit, traceHeader, {
          environments,
          metrics,
          events,
          clock: deps.clock,
          resolve,
          reject,
        }),
      );
    });
  }

  function stopped({ version }: ResolvedFunction): ServiceError {
    metrics.recursiveInvocationsDropped += 1;
    const error = recursiveInvocation(version.name);
    deps.log.warn(
      { function: version.functionArn, next: error.hint },
      "the function is called in a loop: an invocation was dropped",
    );
    return error;
  }

  return {
    metrics,
    events,
    environments,
    invoke(request) {
      try {
        const requestId = request.requestId ?? deps.random.uuid();
        const { scope, functionName, qualifier } = request;
        const resolved = deps.resolver.resolve(
          scope,
          functionName,
          qualifier,
          rollOf(requestId, deps.random),
        );
        return resolved instanceof Promise
          ? resolved.then((found) => run(request, requestId, found))
          : run(request, requestId, resolved);
      } catch (error) {
        return Promise.reject(error as Error);
      }
    },
    invokeAsync(request) {
      if (asyncQueue !== undefined) return asyncQueue.enqueue(request);
      return Promise.reject(
        new ServiceError("ServiceException", 500, "Lambda is unable to process your request at this time.", {
          hint: "This server was started without a queue for asynchronous invocations.",
        }),
      );
    },
    isFull: () => environments.isFull(),
    refusal: () => environments.refusal(),
    onFunctionChange({ scope, functionName, retiredEnvironmentIds }) {
      environments.retire(retiredEnvironmentIds);
      const { region, accountId } = scope;
      limiter.forget(`arn:${partitionOf(region)}:lambda:${region}:${accountId}:function:${functionName}`);
    },
    warm: (runtimes) => environments.warm(runtimes),
    renderPrometheus: () => metrics.renderPrometheus(),
    useAsyncQueue: (queue) => (asyncQueue = queue),
    close: (drainMs) => environments.close(drainMs),
  };
}

/**
 * In [0, 1), for aliases with two versions. A request id is as random as anything, and reading it
 * costs less than asking the kernel for more chance; all tries of one event meet the same version.
 */
function rollOf(requestId: string, random: Random): number {
  const digits = Number.parseInt(requestId.slice(-8), 16);
  return Number.isNaN(digits) ? random.number() : (digits >>> 0) / 2 ** 32;
}

interface Around {
  readonly environments: Environments;
  readonly metrics: Metrics;
  readonly events: EventBus;
  readonly clock: Clock;
  resolve(outcome: InvocationOutcome): void;
  reject(error: ServiceError): void;
}

/** Holds permit, environment and caller together for as long as the invocation lasts. */
class RunningInvocation implements Invocation {
  readonly requestId: string;
  readonly payload: Uint8Array;
  readonly invokedFunctionArn: string;
  readonly clientContext: string | undefined;
  readonly traceHeader: string;
  readonly logTail: boolean;
  coldStart = false;
  readonly #resolved: ResolvedFunction;
  readonly #permit: Permit;
  readonly #around: Around;

  constructor(
    request: InvokeRequest,
    resolved: ResolvedFunction,
    requestId: string,
    permit: Permit,
    trace: string | undefined,
    around: Around,
  ) {
    this.requestId = requestId;
    this.payload = request.payload;
    this.invokedFunctionArn = resolved.invokedFunctionArn;
    this.clientContext = request.clientContext;
    this.traceHeader =
      trace ??
      newTraceHeader(
        requestId,
        around.clock.now(),
        resolved.version.tracingMode === "Active",
        resolved.lineageResource,
      );
    this.logTail = request.logTail === true;
    this.#resolved = resolved;
    this.#permit = permit;
    this.#around = around;
  }

  refuse(error: ServiceError): void {
    this.#permit.release();
    this.#around.reject(error);
  }

  settle(result: RunResult): void {
    const { requestId, coldStart } = this;
    const executedVersion = this.#resolved.version.version;
    const { payload, logTail, durationMs } = result;
    if (result.kind === "success") {
      this.#around.resolve({
        kind: "success",
        requestId,
        executedVersion,
        payload,
        logTail,
        durationMs,
        coldStart,
      });
      return;
    }
    this.#around.resolve({
      kind: "function-error",
      requestId,
      executedVersion,
      payload,
      logTail,
      durationMs,
      coldStart,
      errorType: result.errorType ?? "Unhandled",
      ...(result.hint === undefined ? {} : { hint: result.hint }),
    });
  }

  finished(record: FinishedInvocation): void {
    this.#permit.release();
    this.#around.environments.ended();
    const { metrics, events } = this.#around;
    metrics.invocations += 1;
    if (record.functionError) metrics.errors += 1;
    metrics.durations.observe(record.durationMs);
    const { version } = this.#resolved;
    events.publish({
      scope: version.scope,
      functionName: version.name,
      version: version.version,
      requestId: this.requestId,
      startedMs: record.startedMs,
      durationMs: record.durationMs,
      initDurationMs: record.initDurationMs,
      status: record.status,
      errorType: record.errorType,
      logGroup: record.logGroup,
      logStream: record.logStream,
    });
  }
}

/** os.freemem() is MemAvailable on Linux; read at most ten times a second. */
function cachedHostMemory(clock: Clock): () => HostMemory {
  let readMs = -Infinity;
  let memory: HostMemory = { availableBytes: 0, totalBytes: 1 };
  return () => {
    const now = clock.monotonic();
    if (now - readMs >= MEMORY_READ_MS) {
      readMs = now;
      memory = { availableBytes: freemem(), totalBytes: totalmem() };
    }
    return memory;
  };
}

/** Read at most ten times a second, and only while invocations wait for environments. */
function sampledHostCpu(clock: Clock): () => HostCpu {
  let readMs = -Infinity;
  let before = { idle: 0, total: 0 };
  let loopBefore = performance.eventLoopUtilization();
  let sample: HostCpu = { cores: 1, idle: undefined, serverIdle: undefined };
  return () => {
    const now = clock.monotonic();
    const sinceMs = now - readMs;
    if (sinceMs < 100) return sample;
    const seen = { idle: 0, total: 0 };
    const all = cpus();
    for (const { times } of all) {
      seen.idle += times.idle;
      seen.total += times.idle + times.user + times.sys + times.nice + times.irq;
    }
    const loop = performance.eventLoopUtilization();
    const total = seen.total - before.total;
    const cores = Math.max(1, all.length);
    sample =
      sinceMs < 400 && total > 0
        ? {
            cores,
            idle: (seen.idle - before.idle) / total,
            serverIdle: 1 - performance.eventLoopUtilization(loop, loopBefore).utilization,
          }
        : // What includes a pause says nothing of now.
          { cores, idle: undefined, serverIdle: undefined };
    readMs = now;
    before = seen;
    loopBefore = loop;
    return sample;
  };
}

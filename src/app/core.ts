/**
 * Everything behind the listener, wired for one machine: storage, services, control plane, data plane,
 * asynchronous queue. `lambent reset` closes one core, empties the folder and opens the next.
 */
import { arch } from "node:os";
import { join } from "node:path";
import { createWakeup, inspectZip, type DataDir } from "../adapters/embedded/index.ts";
import {
  freshLaunch,
  needsFreshProcess,
  type InstallableRuntimeCatalog,
} from "../adapters/runtimes/index.ts";
import { createPeers } from "../adapters/peers/in-process.ts";
import { createDispatch } from "../aws/dispatch.ts";
import type { Service } from "../aws/service.ts";
import type { KeyResolver } from "../aws/sigv4/keys.ts";
import type { Clock } from "../kernel/clock.ts";
import { createRelay } from "../events/outbox/relay.ts";
import type { Logger } from "../kernel/log.ts";
import type { Random } from "../kernel/random.ts";
import { createDestinations } from "../lambda/async/destinations.ts";
import { createAsyncQueue, type AsyncQueue } from "../lambda/async/queue.ts";
import { destinationChecks } from "../lambda/control/destination-checks.ts";
import { createEventSources } from "../lambda/event-source/event-sources.ts";
import { createCodeSource } from "../lambda/control/code-source.ts";
import { createFunctionControl, type FunctionControl } from "../lambda/control/control.ts";
import type { EndpointConnectionHandler } from "../lambda/environment/environment-deps.ts";
import { createInvoker, type DataPlane } from "../lambda/invoke/invoker.ts";
import { Deliveries } from "../lambda/observe/deliveries.ts";
import type { Database } from "../ports/database.ts";
import type { SandboxDriver } from "../ports/sandbox-driver.ts";
import { createIam, createLambdaService, createLogs, createSts, type KeptMail } from "../services/index.ts";
import { type Authorizer, createAuthorizer } from "./access/authorizer.ts";
import type { ServerConfig } from "./config-types.ts";
import { endNote, retryNote } from "./delivery-notes.ts";
import { createEventServices } from "./event-services.ts";
import { MappingCounters } from "./event-source-metrics.ts";
import { openStorage } from "./storage.ts";
import { AsyncCounters, addQueueGauges } from "./queue-metrics.ts";

export interface CoreDeps {
  readonly config: ServerConfig;
  readonly dataDir: DataDir;
  readonly driver: SandboxDriver;
  readonly catalog: InstallableRuntimeCatalog;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly endpointPort: number;
  /** Base URL of the endpoint, as the user reaches it. */
  readonly endpoint: string;
  readonly onEndpointConnection: EndpointConnectionHandler;
}

export interface Core {
  readonly services: readonly Service[];
  readonly keys: KeyResolver;
  readonly database: Database;
  readonly control: FunctionControl;
  readonly dataPlane: DataPlane;
  readonly queue: AsyncQueue;
  readonly logs: ReturnType<typeof createLogs>;
  readonly authorize: Authorizer;
  /** What events reached or failed to reach, as it happens. */
  readonly deliveries: Deliveries;
  /** Resources of the services that keep a file of their own, by name. */
  counts(): Promise<Readonly<Record<string, number>>>;
  metricsText(): Promise<string>;
  /** PEM text of the certificate that SNS's messages are verified with. */
  certificate(path: string): Promise<string | undefined>;
  /** E-mails and text messages that SNS was asked to send, the newest first. */
  mails(limit: number): Promise<readonly KeptMail[]>;
  /** Stops taking work, lets invocations under way end within `drainMs`, closes every file. */
  close(drainMs: number): Promise<void>;
}

export async function openCore(deps: CoreDeps): Promise<Core> {
  const { config, dataDir, clock, random, log } = deps;
  const storage = await openStorage(dataDir, clock, log);
  const { secrets, database, blobs, codeCache } = storage;

  const logs = createLogs({
    clock,
    random,
    log,
    database,
    files: storage.logFiles,
    outbox: () => relay,
    peers: () => peers,
  });
  const iam = createIam({ clock, database, secrets });
  const sts = createSts({
    clock,
    random,
    secrets,
    directory: iam.reader,
    rootKey: { ...dataDir.rootKey, accountId: config.accountId },
    iamMode: config.iam,
  });
  const authorize = createAuthorizer({
    mode: config.iam,
    reader: iam.reader,
    clock,
    log,
    noteKeyUse: iam.noteUse,
  });
  const control = createFunctionControl({
    database,
    blobs,
    codeCache,
    inspectZip,
    secrets,
    clock,
    random,
    log,
    destinations: destinationChecks(() => peers),
    hostArchitecture: arch() === "arm64" ? "arm64" : "x86_64",
    strictArchitectures: deps.config.strictArchitectures,
  });
  const dataPlane = createInvoker({
    resolver: control.resolver,
    driver: deps.driver,
    catalog: deps.catalog,
    codeCache,
    credentials: sts.issuer,
    logs: logs.sink,
    clock,
    random,
    log,
    endpointPort: deps.endpointPort,
    options: { poolSize: config.pool, poolMax: Math.max(config.pool, 6) },
    freshProcess: { needsFreshProcess, freshLaunch },
    onEndpointConnection: deps.onEndpointConnection,
  });
  control.onChange(dataPlane.onFunctionChange);
  // Its first invocation then meets an interpreter that is up.
  if (config.pool > 0) control.onRuntime((runtime) => void dataPlane.warm([runtime]));

  const peers = createPeers(() => dispatch);
  const deliveries = new Deliveries();
  const counters = new AsyncCounters();
  const queue = createAsyncQueue({
    database,
    invoker: dataPlane,
    settings: control.eventInvokeConfigs,
    destinations: createDestinations({ peers, resolver: control.resolver, clock, random }),
    clock,
    random,
    log,
    metrics: counters,
    deliveries,
    node: "local",
  });
  dataPlane.useAsyncQueue(queue);
  const refreshQueueGauges = addQueueGauges(dataPlane.metrics, queue, counters);

  const wakeup = createWakeup(clock);
  const relay = createRelay({
    database,
    peers,
    invoker: dataPlane,
    findFunction: (scope, name, qualifier) => control.resolver.resolve(scope, name, qualifier, 0),
    clock,
    random,
    log,
    node: "local",
    onEnd(end) {
      deliveries.tell(() => endNote(end, clock.now()));
      sns.ended(end);
    },
    onRetry: (end, atMs) => deliveries.tell(() => retryNote(end, atMs, clock.now())),
  });
  const { dynamodbThroughput } = config;
  const sources = { storage, relay, wakeup, peers: () => peers, clock, random, log, dynamodbThroughput };
  const { s3, sqs, sns, dynamodb, dynamodbStreams, events } = await createEventServices(sources);
  const mappingCounters = new MappingCounters();
  mappingCounters.addTo(dataPlane.metrics);
  const eventSources = createEventSources({
    database,
    resolver: control.resolver,
    invoker: dataPlane,
    peers,
    wakeup,
    clock,
    random,
    log,
    metrics: mappingCounters,
    deliveries,
    node: "local",
  });
  const services = [
    createLambdaService(
      control,
      dataPlane,
      eventSources.control,
      createCodeSource(() => peers),
    ),
    sts.service,
    iam.service,
    logs.service,
    s3.service,
    sqs.service,
    sns.service,
    dynamodb.service,
    dynamodbStreams,
    events.service,
  ];
  const dispatch = createDispatch({
    services,
    clock,
    random,
    log,
    endpoint: () => deps.endpoint,
    authorize,
  });

  await control.start();
  await sqs.start();
  await dynamodb.start();
  await relay.start();
  events.start();
  await eventSources.start();
  const stopping = new AbortController();
  const dispatching = queue.run(stopping.signal).catch((error: unknown) => {
    if (!stopping.signal.aborted) log.error({ error }, "the asynchronous queue stopped");
  });

  return {
    services,
    keys: sts.keys,
    database,
    control,
    dataPlane,
    queue,
    logs,
    authorize,
    deliveries,
    counts: async () => ({ ...(await sqs.counts()), ...(await dynamodb.counts()) }),
    certificate: sns.certificate,
    mails: sns.mails,
    async metricsText() {
      await refreshQueueGauges();
      return dataPlane.renderPrometheus();
    },
    async close(drainMs) {
      stopping.abort();
      // Pollers wait for their invocations, which end by the drain at the latest.
      const polling = eventSources.close();
      await events.close();
      await sns.close();
      await relay.close();
      await dataPlane.close(drainMs);
      await polling;
      await dispatching;
      await control.close();
      await s3.close();
      await sqs.close();
      await dynamodb.close();
      await iam.close();
      await logs.close();
      await database.close();
    },
  };
}

/** Where the bootstraps of managed runtimes are: beside src/ and beside dist/. */
export function runtimesFolder(): string {
  return join(import.meta.dirname, "../../runtimes");
}

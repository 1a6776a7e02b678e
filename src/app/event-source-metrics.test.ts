import assert from "node:assert/strict";
import { test } from "node:test";
import type { EventSourceMapping } from "../lambda/event-source/model.ts";
import { Metrics } from "../lambda/observe/metrics.ts";
import { MappingCounters } from "./event-source-metrics.ts";

const mapping = (uuid: string, countEvents = true): EventSourceMapping =>
  ({
    uuid,
    functionName: "f",
    scope: { accountId: "000000000000", region: "us-east-1" },
    settings: { countEvents },
  }) as EventSourceMapping;

test("what is counted of a mapping ends with it", () => {
  const metrics = new Metrics();
  const counters = new MappingCounters();
  counters.addTo(metrics);
  counters.count(mapping("a"), "PolledEventCount", 2);
  counters.count(mapping("a"), "PolledEventCount", 3);
  counters.count(mapping("b"), "PolledEventCount", 1);
  counters.count(mapping("c", false), "PolledEventCount", 1);
  counters.iteratorAge(mapping("a"), 1_500);
  const lines = (): string[] =>
    metrics
      .renderPrometheus()
      .split("\n")
      .filter((line) => line.includes("mapping="));
  assert.deepEqual(lines(), [
    'lambent_iterator_age_seconds{function="f",mapping="a",region="us-east-1",account="000000000000"} 1.5',
    'lambent_event_source_events_total{name="PolledEventCount",mapping="a",function="f"} 5',
    'lambent_event_source_events_total{name="PolledEventCount",mapping="b",function="f"} 1',
  ]);
  counters.forget("a");
  assert.equal(lines().length, 1);
});

/**
 * The same random operations on Lambent and on Amazon's DynamoDB Local: answers and refusals must be the
 * same, but for sentences in which DynamoDB Local differs from DynamoDB itself (WORDED_OTHERWISE).
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  BatchWriteItemCommand,
  CreateTableCommand,
  type CreateTableCommandInput,
  DeleteItemCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  ScanCommand,
  TransactWriteItemsCommand,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import { SDK_CONFIG } from "../e2e/server.ts";
import { openDynamodb, type Output } from "../services/dynamodb-harness.ts";
import { missingDynamodbLocal, startDynamodbLocal } from "./dynamodb-local.ts";

const OPERATIONS = 2500;
const SEED = Number(process.env["LAMBENT_TEST_SEED"] ?? 20_261_121);
const TABLE = "things";

const COMMANDS = {
  BatchWriteItem: BatchWriteItemCommand,
  DeleteItem: DeleteItemCommand,
  GetItem: GetItemCommand,
  PutItem: PutItemCommand,
  Query: QueryCommand,
  Scan: ScanCommand,
  TransactWriteItems: TransactWriteItemsCommand,
  UpdateItem: UpdateItemCommand,
};
type Operation = keyof typeof COMMANDS;

const CREATE: CreateTableCommandInput = {
  TableName: TABLE,
  BillingMode: "PAY_PER_REQUEST",
  KeySchema: [
    { AttributeName: "pk", KeyType: "HASH" },
    { AttributeName: "sk", KeyType: "RANGE" },
  ],
  AttributeDefinitions: [
    { AttributeName: "pk", AttributeType: "S" },
    { AttributeName: "sk", AttributeType: "N" },
    { AttributeName: "g", AttributeType: "S" },
    { AttributeName: "r", AttributeType: "N" },
  ],
  GlobalSecondaryIndexes: [
    {
      IndexName: "byG",
      KeySchema: [
        { AttributeName: "g", KeyType: "HASH" },
        { AttributeName: "r", KeyType: "RANGE" },
      ],
      Projection: { ProjectionType: "ALL" },
    },
  ],
  LocalSecondaryIndexes: [
    {
      IndexName: "byR",
      KeySchema: [
        { AttributeName: "pk", KeyType: "HASH" },
        { AttributeName: "r", KeyType: "RANGE" },
      ],
      Projection: { ProjectionType: "KEYS_ONLY" },
    },
  ],
};

/** [what DynamoDB Local says, what DynamoDB says]. */
const WORDED_OTHERWISE: readonly (readonly [RegExp, string])[] = [
  [
    /^(KeyConditionExpressions must only contain one condition per key)$/,
    "Invalid KeyConditionExpression: $1",
  ],
  [/valid types: \{.*\}$/, "valid types: {B,NULL,SS,BOOL,L,BS,N,NS,S,M}"],
  [
    /^DynamoDB only supports precision up to 38 digits$/,
    "Attempting to store more than 38 significant digits in a Number",
  ],
];
/** Where DynamoDB Local says less than DynamoDB: ours begins alike and goes on. */
/** Of several pairs of paths that clash, either may be named. */
const CLASH = /(with each other; must remove or rewrite one of these paths); .*$/;
/** An update with two faults of these kinds may be told either; which one, follows no order that is known. */
const EITHER = [
  "The provided expression refers to an attribute that does not exist in the item",
  "The document path provided in the update expression is invalid for update",
  "An operand in the update expression has an incorrect data type",
];
const SHORTER = [
  "One or more parameter values were invalid: Type mismatch for Index Key",
  "Query condition missed key schema element",
];

function generator(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** Makes operations; small worlds make them meet. */
class Maker {
  readonly #below: (below: number) => number;
  #values: Record<string, Output> = {};

  constructor(seed: number) {
    this.#below = generator(seed);
  }

  pick<T>(list: readonly T[]): T {
    return list[this.#below(list.length)] as T;
  }

  chance(percent: number): boolean {
    return this.#below(100) < percent;
  }

  key(): Output {
    return {
      pk: { S: this.pick(["a", "b", "ü"]) },
      sk: { N: this.pick(["1", "2", "-3", "10", "0.5", "1e2"]) },
    };
  }

  scalar(): Output {
    return this.pick<Output>([
      { S: "x" },
      { S: "xyz" },
      { N: "1" },
      { N: "-2.5" },
      { N: "100000000000000000000" },
      { BOOL: true },
      { NULL: true },
      { B: Uint8Array.of(1, 2) },
      { SS: ["a", "b"] },
      { NS: ["1", "2"] },
    ]);
  }

  value(): Output {
    if (this.chance(15)) return { L: [this.scalar(), this.scalar()] };
    return this.chance(15) ? { M: { a: this.scalar(), b: { L: [this.scalar()] } } } : this.scalar();
  }

  item(): Output {
    const item: Output = this.key();
    for (const name of ["n", "s", "l", "m"]) if (this.chance(50)) item[name] = this.value();
    if (this.chance(50)) item.g = { S: this.pick(["g1", "g2"]) };
    if (this.chance(50)) item.r = { N: this.pick(["1", "2", "3"]) };
    return item;
  }

  path(): string {
    return this.pick(["n", "s", "l", "m", "m.a", "m.b[0]", "l[0]", "l[1]", "gone", "gone.x", "n.x"]);
  }

  /** A placeholder of a new value. */
  placeholder(value: Output): string {
    const name = `:v${String(Object.keys(this.#values).length)}`;
    this.#values[name] = value;
    return name;
  }

  operand(): string {
    if (this.chance(45)) return this.path();
    return this.chance(15) ? `size(${this.path()})` : this.placeholder(this.scalar());
  }

  leaf(): string {
    const kind = this.#below(8);
    if (kind === 0) return `attribute_exists(${this.path()})`;
    if (kind === 1) return `attribute_not_exists(${this.path()})`;
    if (kind === 2)
      return `begins_with(${this.path()}, ${this.placeholder(this.pick([{ S: "x" }, { N: "1" }]))})`;
    if (kind === 3) return `contains(${this.path()}, ${this.placeholder(this.scalar())})`;
    if (kind === 4)
      return `attribute_type(${this.path()}, ${this.placeholder({ S: this.pick(["S", "N", "L", "Q"]) })})`;
    if (kind === 5) return `${this.operand()} BETWEEN ${this.operand()} AND ${this.operand()}`;
    if (kind === 6) return `${this.operand()} IN (${this.operand()}, ${this.operand()})`;
    return `${this.operand()} ${this.pick(["=", "<>", "<", "<=", ">", ">="])} ${this.operand()}`;
  }

  condition(depth = 0): string {
    if (depth < 2 && this.chance(25))
      return `(${this.condition(depth + 1)}) AND ${this.condition(depth + 1)}`;
    if (depth < 2 && this.chance(20)) return `${this.condition(depth + 1)} OR ${this.condition(depth + 1)}`;
    return this.chance(15) ? `NOT ${this.leaf()}` : this.leaf();
  }

  assigned(): string {
    const kind = this.#below(6);
    if (kind === 0) return `${this.operandOfUpdate()} ${this.pick(["+", "-"])} ${this.operandOfUpdate()}`;
    if (kind === 1) return `if_not_exists(${this.path()}, ${this.operandOfUpdate()})`;
    if (kind === 2) return `list_append(${this.path()}, ${this.placeholder({ L: [this.scalar()] })})`;
    return this.operandOfUpdate();
  }

  operandOfUpdate(): string {
    return this.chance(50) ? this.path() : this.placeholder(this.value());
  }

  update(): string {
    const sections: string[] = [];
    if (this.chance(70)) {
      const count = 1 + this.#below(2);
      sections.push(
        `SET ${Array.from({ length: count }, () => `${this.path()} = ${this.assigned()}`).join(", ")}`,
      );
    }
    if (this.chance(30)) sections.push(`REMOVE ${this.path()}`);
    if (this.chance(30))
      sections.push(
        `ADD ${this.path()} ${this.placeholder(this.pick([{ N: "1" }, { SS: ["a", "c"] }, { S: "x" }]))}`,
      );
    if (this.chance(20))
      sections.push(`DELETE ${this.path()} ${this.placeholder(this.pick([{ SS: ["a"] }, { N: "1" }]))}`);
    return sections.length === 0 ? `REMOVE ${this.path()}` : sections.join(" ");
  }

  keyCondition(): string {
    const hash = `pk = ${this.placeholder({ S: this.pick(["a", "b"]) })}`;
    const number = (): string => this.placeholder({ N: this.pick(["-3", "0", "1", "10", "50"]) });
    if (this.chance(40)) return hash;
    if (this.chance(30)) return `${hash} AND sk BETWEEN ${number()} AND ${number()}`;
    return `${hash} AND sk ${this.pick(["=", "<", "<=", ">", ">="])} ${number()}`;
  }

  /** Damages an expression now and then, for the syntax errors. */
  damaged(expression: string): string {
    if (!this.chance(8)) return expression;
    const words = expression.split(" ");
    const at = this.#below(words.length);
    if (this.chance(50)) words.splice(at, 1);
    else words.splice(at, 0, this.pick(["=", "AND", ",", "(", ")", "abort", "#q", ":q", "7"]));
    return words.join(" ");
  }

  next(): { operation: Operation; input: Output } {
    this.#values = {};
    const kind = this.#below(100);
    const T = { TableName: TABLE };
    const returns = this.chance(50) ? { ReturnValues: "ALL_OLD" } : {};
    const condition = this.chance(35) ? { ConditionExpression: this.damaged(this.condition()) } : {};
    if (kind < 1) return this.#made("PutItem", { ...T, Item: { ...this.item(), g: { N: "1" } } });
    if (kind < 25) return this.#made("PutItem", { ...T, Item: this.item(), ...condition, ...returns });
    if (kind < 55) {
      const UpdateExpression = this.damaged(this.update());
      const asked = this.pick([{}, { ReturnValues: "ALL_NEW" }, { ReturnValues: "ALL_OLD" }]);
      return this.#made("UpdateItem", { ...T, Key: this.key(), UpdateExpression, ...condition, ...asked });
    }
    if (kind < 62) return this.#made("DeleteItem", { ...T, Key: this.key(), ...condition, ...returns });
    if (kind < 70) {
      const shown = this.chance(50)
        ? { ProjectionExpression: this.damaged(`${this.path()}, ${this.path()}`) }
        : {};
      return this.#made("GetItem", { ...T, Key: this.key(), ...shown });
    }
    const filter = this.chance(40) ? { FilterExpression: this.damaged(this.condition()) } : {};
    if (kind < 82) {
      const KeyConditionExpression = this.damaged(this.keyCondition());
      const more = this.chance(30) ? { ScanIndexForward: false, Limit: 3 } : {};
      return this.#made("Query", { ...T, KeyConditionExpression, ...filter, ...more });
    }
    if (kind < 87)
      return this.#made("Scan", {
        ...T,
        ...filter,
        ...this.pick([{}, { IndexName: "byG" }, { IndexName: "byR" }]),
      });
    if (kind < 93) {
      const request = (): Output =>
        this.chance(60) ? { PutRequest: { Item: this.item() } } : { DeleteRequest: { Key: this.key() } };
      return this.#made("BatchWriteItem", { RequestItems: { [TABLE]: [request(), request()] } });
    }
    const put = { Put: { ...T, Item: { ...this.item(), pk: { S: "put" } } } };
    const del = { Delete: { ...T, Key: this.key(), ConditionExpression: "attribute_exists(n)" } };
    return this.#made("TransactWriteItems", { TransactItems: [put, del] });
  }

  #made(operation: Operation, input: Output): { operation: Operation; input: Output } {
    // Values of a condition that was not taken stay out where there is no expression to hold them.
    const text = Object.entries(input).flatMap(([name, part]) =>
      name.endsWith("Expression") ? [String(part)] : [],
    );
    const isHeld = text.some((part) => !part.startsWith("#")) && operation !== "GetItem";
    const values =
      Object.keys(this.#values).length === 0 || !isHeld ? {} : { ExpressionAttributeValues: this.#values };
    return { operation, input: { ...input, ...values } };
  }
}

/** Sets have no order, items of one place neither; bytes are compared as text. */
function normal(value: Output): Output {
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  if (Array.isArray(value)) return value.map(normal);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(
    // DynamoDB Local tells of capacity without being asked.
    ([name, inner]) => name !== "$metadata" && name !== "ConsumedCapacity" && inner !== undefined,
  );
  return Object.fromEntries(
    entries
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, inner]): [string, Output] => {
        const shown = normal(inner);
        return [name, ["SS", "NS", "BS"].includes(name) ? shown.toSorted() : shown];
      }),
  );
}

function answerOf(operation: Operation, answer: Output): string {
  const shown = normal(answer);
  // At the end of a partition DynamoDB Local knows that nothing follows, DynamoDB does not.
  if (operation === "Query") delete shown.LastEvaluatedKey;
  if (operation === "Scan") shown.Items = shown.Items.map((one: Output) => JSON.stringify(one)).toSorted();
  return JSON.stringify(shown);
}

function refusalOf(error: Output): string {
  const reasons = (error.CancellationReasons ?? error.members?.CancellationReasons)?.map(
    ({ Code, Message }: Output) => `${String(Code)} ${String(Message)}`,
  );
  return `${String(error.code ?? error.name)}: ${String(error.message)} ${JSON.stringify(reasons ?? [])}`;
}

/** What DynamoDB says where DynamoDB Local says otherwise. */
function translated(refusal: string, ours: string): string {
  if (refusal.startsWith("{")) return refusal;
  const [code = "", ...rest] = refusal.split(": ");
  let sentence = rest.join(": ").replace(/ \[\]$/, "");
  // A binary shows as a Java object there.
  if (sentence.includes("java.nio") && ours.includes("AttributeValue: {B:")) return ours;
  if (EITHER.includes(sentence) && EITHER.some((other) => ours.includes(other))) return ours;
  const clash = CLASH.exec(sentence);
  if (clash !== null && ours.includes(clash[1] ?? "")) return ours;
  for (const [theirs, real] of WORDED_OTHERWISE) sentence = sentence.replace(theirs, real);
  const whole = `${code}: ${sentence}${refusal.endsWith(" []") ? " []" : ""}`;
  const isShorter = SHORTER.some((start) => sentence === start && ours.startsWith(`${code}: ${start}`));
  if (isShorter) return ours;
  // Inside of reasons too.
  return SHORTER.some((start) => whole.includes(`${start}"`) && ours.includes(start)) ? ours : whole;
}

function commandOf(operation: Operation, input: Output): unknown {
  return new (COMMANDS[operation] as new (input: Output) => unknown)(input);
}

test(
  `${String(OPERATIONS)} random operations as DynamoDB Local does them`,
  { skip: missingDynamodbLocal() },
  async (t) => {
    await using local = await startDynamodbLocal();
    const client = new DynamoDBClient({ ...SDK_CONFIG, endpoint: local.endpoint, maxAttempts: 1 });
    t.after(() => client.destroy());
    await client.send(new CreateTableCommand(CREATE));
    const h = await openDynamodb(t);
    await h.call("CreateTable", CREATE);
    await h.active(TABLE);
    const maker = new Maker(SEED);
    const differences: string[] = [];
    const outcomes = { answers: 0, refusals: 0 };
    for (let i = 0; i < OPERATIONS; i++) {
      const { operation, input } = maker.next();
      const [theirs, ours] = await Promise.all([
        client.send(commandOf(operation, input) as never).then(
          (answer: Output) => answerOf(operation, answer),
          (error: Output) => refusalOf(error),
        ),
        h.call(operation, structuredClone(input)).then(
          (answer) => answerOf(operation, answer),
          (error: Output) => refusalOf(error),
        ),
      ]);
      outcomes[ours.startsWith("{") ? "answers" : "refusals"] += 1;
      if (ours !== translated(theirs, ours)) {
        differences.push(
          `${String(i)} ${operation} ${JSON.stringify(normal(input))}\n  ours   ${ours}\n  theirs ${theirs}`,
        );
      }
    }
    t.diagnostic(`seed ${String(SEED)}: ${JSON.stringify(outcomes)}`);
    assert.ok(
      outcomes.answers > OPERATIONS / 4 && outcomes.refusals > OPERATIONS / 10,
      JSON.stringify(outcomes),
    );
    assert.equal(
      differences.length,
      0,
      `${String(differences.length)} differences\n${differences.slice(0, 10).join("\n")}`,
    );
  },
);

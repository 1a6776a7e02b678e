/** Everything over the rows. */
import type { Clock } from "../../kernel/clock.ts";
import type { Logger } from "../../kernel/log.ts";
import type { Random } from "../../kernel/random.ts";
import type { Database } from "../../ports/database.ts";
import type { Outbox } from "../../ports/outbox.ts";
import type { Peers } from "../../ports/peers.ts";
import type { Secrets } from "../../ports/secrets.ts";
import { createConfirmation, type Confirmation } from "./confirmation.ts";
import { createDirectory, type Directory } from "./directory.ts";
import type { FanOut } from "./fan-out.ts";
import { createPlatforms, type Platforms } from "./platforms.ts";
import { createMailBox, type MailBox } from "./mail.ts";
import { createPublisher, type Publisher } from "./publisher.ts";
import type { Signer } from "./signer.ts";

export interface SnsDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** state.db: the outbox must be in the same file. */
  readonly database: Database;
  readonly secrets: Secrets;
  readonly outbox: Outbox;
  /** Asked first when a topic wants its deliveries logged. */
  readonly peers: () => Peers;
}

export interface State {
  readonly clock: Clock;
  readonly random: Random;
  readonly database: Database;
  readonly directory: Directory;
  readonly platforms: Platforms;
  readonly publisher: Publisher;
  readonly confirmation: Confirmation;
  readonly signer: Signer;
  readonly mailBox: MailBox;
  /** Statements for the unit that causes these messages; `sent` when it is committed. */
  within(out: FanOut): ReturnType<Outbox["within"]>;
  sent(out: FanOut): void;
}

export function createState(deps: SnsDeps, signer: Signer): State {
  const { clock, random, database, outbox } = deps;
  const directory = createDirectory(database, clock, random);
  const platforms = createPlatforms(database);
  const mailBox = createMailBox(clock, random);
  const shared = { database, directory, platforms, mailBox, signer, outbox, clock, random };
  return {
    ...shared,
    publisher: createPublisher(shared),
    confirmation: createConfirmation(signer, clock, random),
    within: ({ deliveries, mails }) => [...outbox.within(deliveries), ...mailBox.within(mails)],
    sent: ({ deliveries }) => outbox.wake(deliveries),
  };
}

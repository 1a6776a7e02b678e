import { defineService, type Service } from "../../aws/service.ts";
import type { DeliveryEnd } from "../../events/outbox/relay.ts";
import type { Delivery } from "../../ports/outbox.ts";
import { access } from "./access.ts";
import { createFeedback } from "./feedback.ts";
import { createHttpSender } from "./http-sender.ts";
import { listMails, type KeptMail } from "./mail.ts";
import { platformOperations } from "./operations-platforms.ts";
import { publishOperations } from "./operations-publish.ts";
import { smsOperations } from "./operations-sms.ts";
import { subscriptionOperations } from "./operations-subscriptions.ts";
import { topicOperations } from "./operations-topics.ts";
import { createSigner } from "./signer.ts";
import { createState, type SnsDeps } from "./state.ts";

export { migrations } from "./schema.ts";
export { CERTIFICATE_PATH } from "./signer.ts";
export type { KeptMail } from "./mail.ts";
export type { SnsDeps } from "./state.ts";

export interface Sns {
  readonly service: Service;
  /** Makes a delivery to a URL: the relay's sender for `http`. */
  post(delivery: Delivery): Promise<void>;
  /** PEM text of the certificate at a path that begins with CERTIFICATE_PATH. */
  certificate(path: string): Promise<string | undefined>;
  /** E-mails and text messages, the newest first. */
  mails(limit: number): Promise<readonly KeptMail[]>;
  /** Told by the relay of the end of every delivery; those of topics that ask for it are logged. */
  ended(end: DeliveryEnd): void;
  /** Breaks off what is being posted: the relay tries again after the next start. */
  close(): Promise<void>;
}

export function createSns(deps: SnsDeps): Sns {
  const signer = createSigner(deps);
  const sender = createHttpSender(deps.clock);
  const state = createState(deps, signer);
  const feedback = createFeedback({ ...deps, directory: state.directory });

  return {
    service: {
      ...defineService<typeof import("@aws-sdk/client-sns")>("sns", {
        ...topicOperations(state),
        ...subscriptionOperations(state),
        ...publishOperations(state),
        ...smsOperations(state),
        ...platformOperations(state),
      }),
      access: access(state),
    },
    post: (delivery) => sender.send(delivery),
    certificate: (path) => signer.certificate(path),
    mails: (limit) => listMails(deps.database, limit),
    ended: (end) => feedback.ended(end, sender.statusOf(end.delivery)),
    close() {
      sender.close();
      return feedback.close();
    },
  };
}

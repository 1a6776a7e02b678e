export const handler = async (event) => {
  const batchItemFailures = [];
  for (const record of event.Records) {
    try {
      console.log(`done: order ${JSON.parse(record.body).order}`);
    } catch {
      console.log(`failed: ${record.body}`);
      batchItemFailures.push({ itemIdentifier: record.messageId });
    }
  }
  return { batchItemFailures };
};

export const handler = async (event) => {
  for (const { eventName, dynamodb } of event.Records) {
    const before = dynamodb.OldImage?.city.S ?? "None";
    const after = dynamodb.NewImage?.city.S ?? "None";
    console.log(`${eventName} ${dynamodb.Keys.id.S}: ${before} -> ${after}`);
  }
};

export const handler = async (event) => {
  console.log(`${event["detail-type"]} of ${event.time}`);
};

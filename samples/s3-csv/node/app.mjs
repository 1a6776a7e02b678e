import { DynamoDBClient, PutItemCommand } from "@aws-sdk/client-dynamodb";
import { GetObjectCommand, S3Client } from "@aws-sdk/client-s3";

const s3 = new S3Client({});
const dynamodb = new DynamoDBClient({});

export const handler = async (event) => {
  for (const record of event.Records) {
    const Bucket = record.s3.bucket.name;
    const Key = decodeURIComponent(record.s3.object.key.replaceAll("+", " "));
    const object = await s3.send(new GetObjectCommand({ Bucket, Key }));
    const [head, ...lines] = (await object.Body.transformToString()).trim().split("\n");
    const names = head.split(",");
    for (const line of lines) {
      const values = line.split(",");
      const Item = Object.fromEntries(names.map((name, at) => [name, { S: values[at] }]));
      await dynamodb.send(new PutItemCommand({ TableName: process.env.TABLE_NAME, Item }));
    }
    console.log(`wrote ${lines.length} rows of s3://${Bucket}/${Key}`);
  }
};

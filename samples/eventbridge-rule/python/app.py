def handler(event, context):
    print(event["text"])

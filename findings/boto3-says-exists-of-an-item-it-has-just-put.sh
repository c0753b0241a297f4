#!/usr/bin/env bash
# Expected: a conditional put (attribute_not_exists, the usual guard of a webhook's id in DynamoDB) fails if, and only if, the id was there before this call;
#   one send_message() is one message of the queue; a call whose answer is lost ends with an error.
# Happens: boto3 1.44.8 and @aws-sdk/client-dynamodb 3.1169.0 repeat the call by themselves when the connection breaks after the service did it: the put meets
#   its own item and raises ConditionalCheckFailedException, as for a repeat; `ADD n 1` adds two; send_message returns one id, and two messages are in
#   the queue; receive_message says "none", while the one message is hidden until its visibility timeout. aws-lambda-powertools 3.37.0, which guards so,
#   then says "already in progress" to each try for an hour, and the handler never ran. (moto 5.2.5 as the service.)
# Means: the guard drops an event that nobody has handled, with 200 to its sender. RetryAttempts in the metadata of the answer (or of the exception) tells
#   it: 0 is a true repeat. Else put a token of this very call into the item and compare, or set max_attempts to 1 for such calls.
set -euo pipefail
dir=$(mktemp -d); pids=; trap 'kill $pids 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"; npm init -y >/dev/null; npm install --silent --no-audit --no-fund --ignore-scripts @aws-sdk/client-dynamodb@3.1169.0
python3 -m venv v; v/bin/pip -q install --no-compile --disable-pip-version-check boto3==1.44.8 'moto[server]==5.2.5' aws-lambda-powertools==3.37.0
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
export PORT AWS_ACCESS_KEY_ID=a AWS_SECRET_ACCESS_KEY=b AWS_DEFAULT_REGION=us-east-1 AWS_REGION=us-east-1 AWS_EC2_METADATA_DISABLED=true NODE_NO_WARNINGS=1; PORT=$(free_port)
v/bin/moto_server -H 127.0.0.1 -p "$PORT" >moto.log 2>&1 & pids=$!
for _ in $(seq 300); do (exec 3<>"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null && break; sleep 0.1; done
cat > relay.py <<'E'
# Relays to the service; the answer to the first request that holds a word is kept back, and its connection closed.
import socket, threading
def relay_of(word, port):
    once, door = threading.Lock(), socket.create_server(("127.0.0.1", 0))
    def serve(client):
        server, cut = socket.create_connection(("127.0.0.1", port)), threading.Event()
        def back():
            while (data := server.recv(1 << 16)) and not cut.is_set(): client.sendall(data)
            for end in (client, server):
                try: end.shutdown(socket.SHUT_RDWR)
                except OSError: pass
        threading.Thread(target=back, daemon=True).start()
        try:
            while data := client.recv(1 << 16):
                if word in data and once.acquire(blocking=False): cut.set()
                server.sendall(data)
        except OSError: pass
    def accept():
        while True: threading.Thread(target=serve, args=(door.accept()[0],), daemon=True).start()
    threading.Thread(target=accept, daemon=True).start()
    return door.getsockname()[1]
E
cat > t.py <<'E'
import boto3, os, subprocess, warnings
from importlib.metadata import version
from botocore.exceptions import ClientError
from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer, IdempotencyConfig, idempotent_function
from aws_lambda_powertools.utilities.idempotency.exceptions import IdempotencyAlreadyInProgressError
from relay import relay_of
warnings.simplefilter("ignore"); port = int(os.environ["PORT"])
def client(name, word=None): return boto3.client(name, endpoint_url=f"http://127.0.0.1:{relay_of(word, port) if word else port}")
print("boto3", boto3.__version__, "moto", version("moto"))
table = client("dynamodb"); table.create_table(TableName="seen", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}], BillingMode="PAY_PER_REQUEST",
    AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}])
ids = lambda: sorted(item["id"]["S"] for item in table.scan(TableName="seen")["Items"])
print("table before:", ids()); assert ids() == []
try: client("dynamodb", b".PutItem").put_item(TableName="seen", Item={"id": {"S": "evt_1"}}, ConditionExpression="attribute_not_exists(id)"); said = "put", None
except ClientError as error: said = error.response["Error"]["Code"], error.response["ResponseMetadata"]["RetryAttempts"]
print("one conditional put_item:", said, "table after:", ids()); assert said == ("ConditionalCheckFailedException", 1) and ids() == ["evt_1"]
client("dynamodb", b".UpdateItem").update_item(TableName="seen", Key={"id": {"S": "count"}}, UpdateExpression="ADD n :one", ExpressionAttributeValues={":one": {"N": "1"}})
n = table.get_item(TableName="seen", Key={"id": {"S": "count"}})["Item"]["n"]["N"]; print("one update_item, ADD n 1:", n); assert n == "2"
ran, where = [], client("dynamodb"); where.create_table(TableName="lambda", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}], BillingMode="PAY_PER_REQUEST",
    AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}])
store = DynamoDBPersistenceLayer(table_name="lambda", boto3_client=client("dynamodb", b".PutItem"))
handle = idempotent_function(ran.append, data_keyword_argument="event", persistence_store=store, config=IdempotencyConfig(expires_after_seconds=3600))
errors = []
for _ in range(2):
    try: handle(event={"id": "evt_1"})
    except IdempotencyAlreadyInProgressError as error: errors.append(type(error).__name__)
print("aws-lambda-powertools", version("aws-lambda-powertools"), "two calls:", errors, "the handler ran for:", ran); assert len(errors) == 2 and ran == []
queue = client("sqs"); name = queue.create_queue(QueueName="q")["QueueUrl"].rsplit(":", 1)[1].split("/", 1)[1]
def url(of): return of.meta.endpoint_url + "/" + name
def held(): return queue.get_queue_attributes(QueueUrl=url(queue), AttributeNames=["ApproximateNumberOfMessages"])["Attributes"]["ApproximateNumberOfMessages"]
sender = client("sqs", b".SendMessage"); answer = sender.send_message(QueueUrl=url(sender), MessageBody="m1")
print("one send_message:", "ids", 1, "RetryAttempts", answer["ResponseMetadata"]["RetryAttempts"], "messages in the queue:", held()); assert held() == "2"
queue.purge_queue(QueueUrl=url(queue)); queue.send_message(QueueUrl=url(queue), MessageBody="m1")
reader = client("sqs", b".ReceiveMessage"); got = reader.receive_message(QueueUrl=url(reader)).get("Messages", [])
print("one receive_message of a queue with one message:", got, "visible afterwards:", held()); assert (got, held()) == ([], "0")
said = subprocess.run(["node", "t.cjs", str(relay_of(b".PutItem", port))], capture_output=True, text=True, timeout=60); print(said.stdout + said.stderr, end="")
assert said.returncode == 0 and ids() == ["count", "evt_1", "evt_2"]
E
cat > t.cjs <<'E'
const assert = require('assert'), { DynamoDBClient, PutItemCommand } = require('@aws-sdk/client-dynamodb');
const client = new DynamoDBClient({ endpoint: 'http://127.0.0.1:' + process.argv[2] });
client.send(new PutItemCommand({ TableName: 'seen', Item: { id: { S: 'evt_2' } }, ConditionExpression: 'attribute_not_exists(id)' })).catch((e) => e).then((said) => {
  console.log('@aws-sdk/client-dynamodb', require('@aws-sdk/client-dynamodb/package.json').version, 'one conditional PutItem:', said.name, 'attempts', said.$metadata.attempts);
  assert.strictEqual(said.name, 'ConditionalCheckFailedException'); assert.strictEqual(said.$metadata.attempts, 2); process.exit();
});
E
timeout 100 v/bin/python t.py

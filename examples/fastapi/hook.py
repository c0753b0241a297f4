# hook.py: pip install fastapi uvicorn standardwebhooks; uvicorn hook:app --port 3000
import json, os, sqlite3
from fastapi import FastAPI, HTTPException, Request
from standardwebhooks import Webhook, WebhookVerificationError

with open(os.environ["SECRET_FILE"]) as file:
    webhook = Webhook(file.read().strip())
database = sqlite3.connect("hook.db")
database.execute("CREATE TABLE IF NOT EXISTS seen (id TEXT PRIMARY KEY)")
app = FastAPI(max_body_size=20_000_000)  # bytes; without one it takes whatever comes (FastAPI from 0.164 on)

def handle(event):
    print(event["type"], event["id"], flush=True)

@app.post("/hooks/caigunn")
async def hook(request: Request):
    body = await request.body()  # what is signed: not what request.json() would be, written anew
    headers = dict(request.headers)  # of a name that comes twice one alone: what is verified is what counts
    try:
        webhook.verify(body, headers, json_parse=False)
    except (WebhookVerificationError, ValueError) as error:
        raise HTTPException(401, str(error))
    with database:  # one transaction: if handle fails, the id is not kept either
        row = database.execute("INSERT OR IGNORE INTO seen VALUES (?)", [headers["webhook-id"]])
        if row.rowcount:
            handle(json.loads(body))
    return {}

// A webhook receiver. Try it: npm install standardwebhooks, then
//
// WEBHOOK_SECRET=whsec_… node receiver.mjs 9000

import { createServer } from "node:http";
import { buffer } from "node:stream/consumers";
import { Webhook } from "standardwebhooks";

const webhook = new Webhook(process.env.WEBHOOK_SECRET);
const seen = new Set(); // keep them in your database: the same event always has the same id

createServer(async (request, response) => {
  try {
    response.writeHead(await receive(request)).end();
  } catch (error) {
    console.error(error);
    response.writeHead(500).end();
  }
}).listen(Number(process.argv[2]), "127.0.0.1");

async function receive(request) {
  const body = await buffer(request);
  let event;
  try {
    // The bytes as they came: nothing has parsed them yet.
    event = webhook.verify(body, request.headers);
  } catch {
    return 401;
  }
  const id = request.headers["webhook-id"];
  if (!seen.has(id)) {
    handle(event);
    seen.add(id);
  }
  return 204; // only now: what is not answered with a 2xx comes again
}

// Your part. Put what takes long into a queue of your own.
function handle({ type, data }) {
  console.log(type, data.subject ?? "");
}
